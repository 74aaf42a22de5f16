// Tabs for mouse and arrow keys; the selected one is in the address, so that a reload keeps it.

export function bind(onShow) {
  const tabs = [...document.querySelectorAll('[role="tab"]')];
  const panelOf = (tab) => document.getElementById(tab.getAttribute("aria-controls"));

  function choose(tab, { focus = false, remember = true } = {}) {
    for (const other of tabs) {
      const chosen = other === tab;
      other.setAttribute("aria-selected", String(chosen));
      other.tabIndex = chosen ? 0 : -1;
      panelOf(other).hidden = !chosen;
    }
    if (focus) tab.focus();
    if (remember) history.replaceState(null, "", `#${tab.id.replace("tab-", "")}`);
    onShow(panelOf(tab).id);
  }

  tabs.forEach((tab, index) => {
    tab.addEventListener("click", () => choose(tab));
    tab.addEventListener("keydown", (event) => {
      const to = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: tabs.length - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      choose(tabs[(to + tabs.length) % tabs.length], { focus: true });
    });
  });
  /** Show the tab *name*, and go to it. */
  const go = (name) => {
    const tab = document.getElementById(`tab-${name}`);
    choose(tab, { focus: true });
    tab.scrollIntoView({ block: "nearest" });
  };

  choose(tabs.find((tab) => `#${tab.id.replace("tab-", "")}` === location.hash) ?? tabs[0], { remember: false });
  return go;
}
