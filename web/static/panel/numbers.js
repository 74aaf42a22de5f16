// Numbers as people type them. An ambiguous number is rejected, never guessed: limits of real money depend on it.

/** 7.5, −7.5, 1000, 1,000.50: a point before the decimals, commas only between whole groups of three digits. */
const NUMBER = /^[-−]?(\d+|\d{1,3}(,\d{3})+)(\.\d+)?$/;

/** The number in *text* as the server takes it, exact: `{text: "7.5"}`, or `{error}` with what is wrong with it. */
export function parse(text) {
  const typed = text.trim();
  if (NUMBER.test(typed)) return { text: typed.replaceAll(",", "").replace("−", "-") };
  if (/^[-−]?\d+,\d+$/.test(typed)) return { error: `is not clear: write ${typed.replace(",", ".")} for a decimal; commas stand only between thousands, as in 1,000` };
  return { error: "must be a number, such as 7.5 or 1,000" };
}
