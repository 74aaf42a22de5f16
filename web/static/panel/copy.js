// Text with a button that copies it.

import { announce, el } from "./dom.js";

export function copyable(text) {
  const code = el("code", {}, text);
  const button = el("button", { type: "button", class: "copy", "aria-label": `Copy ${text}` }, "copy");
  button.addEventListener("click", async () => {
    // without https a browser offers no clipboard: then the text is selected, and the keyboard copies it
    const isCopied = await (navigator.clipboard?.writeText(text) ?? Promise.reject()).then(
      () => true,
      () => false,
    );
    if (!isCopied) getSelection().selectAllChildren(code);
    button.textContent = isCopied ? "copied" : "selected";
    announce(isCopied ? "Copied." : "Selected: copy it with the keyboard.");
    setTimeout(() => (button.textContent = "copy"), 2000);
  });
  return el("span", { class: "copyable" }, code, " ", button);
}
