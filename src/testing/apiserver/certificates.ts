import { execFile } from "node:child_process"
import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"

/** A certificate authority and what it signs, for one test run, made with the openssl program. */

const days = "2"

const openssl = async (folder: string, ...options: ReadonlyArray<string>): Promise<void> => {
  await promisify(execFile)("openssl", [...options], { cwd: folder }).catch((error: Error & { stderr?: string; code?: unknown }) => {
    throw new Error(
      error.code === "ENOENT"
        ? "openssl is missing: the test API server's certificates are made with it. Install it with your system's package manager."
        : `openssl ${options[0]} failed: ${error.stderr ?? error.message}`
    )
  })
}

const curve = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]

export interface Certificate {
  readonly cert: string
  readonly key: string
}

export interface Authority {
  readonly ca: string
  /** `subject` as `/O=group/CN=user`; `names` as `IP:127.0.0.1,DNS:localhost`. */
  readonly sign: (name: string, subject: string, names?: string) => Promise<Certificate>
}

/** Files go into `folder`: `ca.crt`, `<name>.crt`, `<name>.key`. */
export const makeAuthority = async (folder: string): Promise<Authority> => {
  const text = (name: string) => readFile(join(folder, name), "utf8")
  await openssl(folder, "genpkey", ...curve, "-out", "ca.key")
  await openssl(folder, "req", "-x509", "-new", "-key", "ca.key", "-days", days, "-subj", "/CN=darkroom-test-ca", "-out", "ca.crt")
  return {
    ca: await text("ca.crt"),
    sign: async (name, subject, names) => {
      await openssl(folder, "genpkey", ...curve, "-out", `${name}.key`)
      await openssl(folder, "req", "-new", "-key", `${name}.key`, "-subj", subject, "-out", `${name}.csr`)
      await writeFile(join(folder, `${name}.ext`), [
        "basicConstraints=CA:FALSE",
        "extendedKeyUsage=serverAuth,clientAuth",
        ...(names === undefined ? [] : [`subjectAltName=${names}`])
      ].join("\n"))
      const signing = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", days, "-extfile", `${name}.ext`]
      await openssl(folder, "x509", "-req", "-in", `${name}.csr`, ...signing, "-out", `${name}.crt`)
      return { cert: await text(`${name}.crt`), key: await text(`${name}.key`) }
    }
  }
}
