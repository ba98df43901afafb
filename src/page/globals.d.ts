// Named by modules that the page and the bus share for their types. Absent in a browser.
declare const Buffer: { byteLength(text: string): number };
