import { ownEntry } from "../common/index.ts";

/** How a format is enforced: an expression that a whole string must match. */
export interface Format {
  readonly source: string;
  /** True if the expression matches exactly the strings of the format; false if it matches some of them and no others. */
  readonly isExact: boolean;
}

const DAY = "(?:0[1-9]|1\\d|2[0-8])";
const LEAP = "(?:(?:\\d\\d(?:0[48]|[2468][048]|[13579][26]))|(?:(?:[02468][048]|[13579][26])00))";
const DATE = `(?:\\d{4}-(?:(?:01|03|05|07|08|10|12)-(?:${DAY}|29|30|31)|(?:04|06|09|11)-(?:${DAY}|29|30)|02-${DAY})|${LEAP}-02-29)`;
const TIME = "(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d{1,9})?(?:Z|[+-](?:[01]\\d|2[0-3]):[0-5]\\d)";
const BYTE = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
const IPV4 = `${BYTE}(?:\\.${BYTE}){3}`;
const GROUP = "[0-9a-fA-F]{1,4}";
/** Without hyphens in the third and fourth place, which only punycode may have. */
const PLAIN_LABEL = "[a-zA-Z0-9](?:[a-zA-Z0-9]{0,20}(?:-[a-zA-Z0-9]{1,10})?)?";
const HOST = `${PLAIN_LABEL}(?:\\.${PLAIN_LABEL}){0,5}`;
/** With a dot, which many validators ask of an address. */
const DOMAIN = `${PLAIN_LABEL}(?:\\.${PLAIN_LABEL}){1,5}`;
const UUID = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}";
const URI_CHARACTER = "(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})";
const PATH = `(?:/${URI_CHARACTER}*)*`;
const TAIL = `(?:\\?(?:${URI_CHARACTER}|[/?])*)?(?:#(?:${URI_CHARACTER}|[/?])*)?`;
const URI = `[a-zA-Z][a-zA-Z0-9+.-]{0,20}://${HOST}(?::[0-9]{1,4})?${PATH}${TAIL}`;

const some = (source: string): Format => ({ source, isExact: false });

/** The formats that are enforced. */
const formats: Readonly<Record<string, Format>> = {
  date: { source: DATE, isExact: true },
  time: some(TIME),
  "date-time": some(`${DATE}T${TIME}`),
  duration: some(
    "P(?:\\d{1,9}W|(?:\\d{1,9}Y(?:\\d{1,9}M(?:\\d{1,9}D)?)?|\\d{1,9}M(?:\\d{1,9}D)?|\\d{1,9}D)(?:T\\d{1,9}H)?|T(?:\\d{1,9}H(?:\\d{1,9}M(?:\\d{1,9}S)?)?|\\d{1,9}M(?:\\d{1,9}S)?|\\d{1,9}S))",
  ),
  email: some(`[a-zA-Z0-9_+-]+(?:\\.[a-zA-Z0-9_+-]+){0,3}@${DOMAIN}`),
  hostname: some(HOST),
  ipv4: { source: IPV4, isExact: true },
  ipv6: some(`${GROUP}(?::${GROUP}){7}|::|(?:${GROUP}(?::${GROUP}){0,2})?::${GROUP}(?::${GROUP}){0,2}`),
  uuid: { source: UUID, isExact: true },
  uri: some(URI),
  "uri-reference": some(`(?:${URI}|${PATH}${TAIL})`),
  iri: some(URI),
  "iri-reference": some(`(?:${URI}|${PATH}${TAIL})`),
  "idn-email": some(`[a-zA-Z0-9_+-]+(?:\\.[a-zA-Z0-9_+-]+){0,3}@${DOMAIN}`),
  "idn-hostname": some(HOST),
  "json-pointer": { source: "(?:/(?:[^~/]|~[01])*)*", isExact: true },
  "relative-json-pointer": { source: "(?:0|[1-9][0-9]*)(?:#|(?:/(?:[^~/]|~[01])*)*)", isExact: true },
};

export const formatNames = Object.keys(formats);

/** The expression of a format; undefined where it is not known. */
export function formatOf(name: string): Format | undefined {
  return ownEntry(formats, name);
}
