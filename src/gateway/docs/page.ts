export const docsPage = (): string => "<!doctype html><title>Darkroom API</title>"
