/** How a picture came to be, in IPTC's words (Photo Metadata 2025.1). */
export interface Provenance {
  /** `edited`: a photo changed by a model; `generated`: made by a model alone. */
  readonly origin: "edited" | "generated"
  /** The model's name and version, as in its manifest. */
  readonly system: string
  readonly systemVersion: string
}

const sourceTypes = {
  edited: "compositeWithTrainedAlgorithmicMedia",
  generated: "trainedAlgorithmicMedia"
} as const

export const digitalSourceType = (origin: Provenance["origin"]): string =>
  `http://cv.iptc.org/newscodes/digitalsourcetype/${sourceTypes[origin]}`

const escapeXml = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll("\"", "&quot;")

/** The machine-readable mark as an XMP packet. */
export const xmpOf = (provenance: Provenance): string =>
  `<?xpacket begin="\u{feff}" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">
   <Iptc4xmpExt:DigitalSourceType>${digitalSourceType(provenance.origin)}</Iptc4xmpExt:DigitalSourceType>
   <Iptc4xmpExt:AISystemUsed>${escapeXml(provenance.system)}</Iptc4xmpExt:AISystemUsed>
   <Iptc4xmpExt:AISystemVersionUsed>${escapeXml(provenance.systemVersion)}</Iptc4xmpExt:AISystemVersionUsed>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>`
