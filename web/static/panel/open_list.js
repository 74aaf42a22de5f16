// Reads what is open and shows it in a dialog.

import { byId, el } from "./dom.js";
import { described, read } from "./positions.js";

const turns = new Map();

/** Show in the element *id* the open positions that *picks* accepts; *otherwise* follows the sentence that they could not be read. */
export async function showOpen(id, picks, isClosing, otherwise) {
  const turn = (turns.get(id) ?? 0) + 1;
  turns.set(id, turn);
  const show = () => byId(id).replaceChildren(...described(picks, isClosing));
  show();
  const ok = await read();
  if (turns.get(id) !== turn) return;
  show();
  if (!ok) byId(id).append(el("p", {}, `This could not be read again. ${otherwise}`));
}
