
"use strict";
// A click on a column's name sorts by it, a second one the other way round. Numbers sort as such; empty cells come last.
for (const table of document.querySelectorAll("table")) {
  const heads = [...table.tHead.rows[0].cells];
  const order = new Intl.Collator(undefined, { numeric: true }).compare;
  heads.forEach((head, column) => head.firstElementChild.addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") === "ascending";
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const text = (row) => row.cells[column].textContent;
    const rows = [...table.tBodies[0].rows].sort((a, b) => {
      const [one, other] = [text(a), text(b)];
      if (!one || !other) return (one === "") - (other === "");
      return down ? order(other, one) : order(one, other);
    });
    table.tBodies[0].append(...rows);
  }));
}
