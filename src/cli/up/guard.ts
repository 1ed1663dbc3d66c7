/**
 * Runs a program that knows nothing of us so that it ends when our end of its standard input closes, also when this
 * process is killed. A POSIX shell does it, because it must work while Node is dead.
 */
const script = `
exec 3<&0
"$@" </dev/null 3<&- &
child=$!
{ cat <&3 >/dev/null; kill -TERM "$child" 2>/dev/null; } &
exec 3<&-
trap 'kill -TERM "$child" 2>/dev/null' TERM INT
wait "$child"
code=$?
# A signal ends the first wait early.
while kill -0 "$child" 2>/dev/null; do wait "$child"; code=$?; done
exit "$code"
`

export const guarded = (command: ReadonlyArray<string>): ReadonlyArray<string> => ["/bin/sh", "-c", script, "guard", ...command]
