"use strict";
(() => {
  const find = (id) => document.getElementById(id);
  const form = find("filters");
  const framework = find("f-framework"), status = find("f-status"), severity = find("f-severity");
  const text = find("f-text"), count = find("f-count");
  const of = " " + (count.dataset.of || "of") + " ";
  const said = count.dataset.said || "{results} of {allresults} results, {controls} of {allcontrols} controls";
  const items = Array.from(document.querySelectorAll("[data-item]"), (node) => ({
    node, kind: node.dataset.item, status: node.dataset.s, severity: node.dataset.v,
    frameworks: (node.dataset.f || "").split(" "), words: null,
  }));
  const groups = Array.from(document.querySelectorAll("[data-group]"), (node) => ({
    node, items: Array.from(node.querySelectorAll("[data-item]")), counter: node.querySelector(".count"),
  }));

  const shown = (item, words) => {
    if (framework.value && !item.frameworks.includes(framework.value)) return false;
    if (status.value && item.status !== status.value) return false;
    // Controls have no severity of their own: asking for one leaves the results.
    if (severity.value && item.severity !== severity.value) return false;
    if (!words.length) return true;
    if (item.words === null) item.words = item.node.textContent.toLowerCase();
    return words.every((word) => item.words.includes(word));
  };

  const apply = () => {
    const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    const totals = { result: [0, 0], control: [0, 0] };
    for (const item of items) {
      const keep = shown(item, words);
      item.node.hidden = !keep;
      totals[item.kind][1] += 1;
      if (keep) totals[item.kind][0] += 1;
    }
    for (const group of groups) {
      const left = group.items.filter((node) => !node.hidden).length;
      group.node.hidden = left === 0;
      group.counter.textContent = left === group.items.length ? String(left) : left + of + group.items.length;
    }
    const [results, controls] = [totals.result, totals.control];
    count.textContent = said.replace("{results}", results[0]).replace("{allresults}", results[1])
      .replace("{controls}", controls[0]).replace("{allcontrols}", controls[1]);
  };

  let timer = 0;
  text.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(apply, 120); });
  for (const one of [framework, status, severity]) one.addEventListener("change", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  find("f-clear").addEventListener("click", () => { form.reset(); apply(); text.focus(); });

  // A link to something folded or filtered away brings it into view.
  const reveal = () => {
    const node = find(decodeURIComponent(location.hash.slice(1)));
    if (!node) return;
    if (node.closest("[hidden]")) { form.reset(); apply(); }
    for (let one = node; one; one = one.parentElement) if (one.tagName === "DETAILS") one.open = true;
    node.scrollIntoView();
  };
  window.addEventListener("hashchange", reveal);

  let folded = [];
  window.addEventListener("beforeprint", () => {
    folded = Array.from(document.querySelectorAll("details.result[data-s=fail]:not([open]), details.result[data-s=error]:not([open])"));
    for (const one of folded) one.open = true;
  });
  window.addEventListener("afterprint", () => { for (const one of folded) one.open = false; });

  form.hidden = false;
  apply();
  if (location.hash) reveal();
})();
