/** A time of the API's: epoch seconds, or a text that names a date. */
export type Time = number | string | undefined;

export function toDate(time: Time): Date | undefined {
  if (time === undefined) return undefined;
  return new Date(typeof time === "number" ? time * 1000 : time);
}

const MOMENT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

export function moment(time: Time): string {
  const date = toDate(time);
  return date === undefined ? "–" : MOMENT.format(date);
}

export function duration(seconds: number | undefined): string {
  if (seconds === undefined) return "–";
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  if (hours) return `${hours} h ${minutes} min`;
  return minutes ? `${minutes} min ${whole % 60} s` : `${whole} s`;
}

export function size(bytes: number | undefined): string {
  if (bytes === undefined) return "–";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let [value, unit] = [bytes, 0];
  while (value >= 1024 && unit < units.length - 1) [value, unit] = [value / 1024, unit + 1];
  return `${unit ? value.toFixed(1) : value} ${units[unit]}`;
}

/** A measured number, to six digits. */
export function figure(value: number | undefined): string {
  if (value === undefined) return "–";
  const rounded = Number(value.toPrecision(6));
  return rounded !== 0 && Math.abs(rounded) < 1e-4 ? rounded.toExponential() : String(rounded);
}

/** Bucket and key of an `s3://` address. */
export function s3Parts(uri: string): [bucket: string, key: string] {
  const [bucket = "", ...key] = uri.replace("s3://", "").split("/");
  return [bucket, key.join("/")];
}
