/**
 * The first records of separated values. Those in quotes may have the separator and ends of lines in them. Where the
 * text is not the `whole`, its last record is cut off, and left out.
 */
export function records(text: string, separator: string, whole: boolean, most: number): string[][] {
  const found: string[][] = [];
  let [record, value, quoted] = [[] as string[], "", false];
  const end = () => {
    record.push(value);
    if (record.length > 1 || value !== "") found.push(record);
    [record, value] = [[], ""];
  };
  for (let at = 0; at < text.length && found.length < most; at++) {
    const letter = text[at]!;
    if (quoted) {
      if (letter !== '"') value += letter;
      else if (text[at + 1] === '"') value += text[++at]!;
      else quoted = false;
    } else if (letter === '"' && value === "") quoted = true;
    else if (letter === separator) {
      record.push(value);
      value = "";
    } else if (letter === "\n") end();
    else if (letter !== "\r") value += letter;
  }
  if (whole && found.length < most) end();
  return found;
}
