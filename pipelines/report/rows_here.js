// Where does a report have its items from? From the page itself; `read_others.js` adds those that lie beside it.
const told = JSON.parse(document.getElementById("told").textContent);

const toRow = (values) => Object.fromEntries(told.fields.map((field, index) => [field, values[index]]));
const allRows = told.rows.map(toRow);
const collator = new Intl.Collator(undefined, { numeric: true });
const sortValue = { size: (row) => row.width * row.height };
const isBad = (row) => row.problem !== null;

const searched = (row) => (row.searched ??= `${row.id}\n${row.video}\n${row.note}`.toLowerCase());

// Answers {state, text, pictures, sort, falling, offset, limit} with the rows of that page and how many match in all.
const askRows = async (wanted) => {
  const text = (wanted.text ?? "").toLowerCase();
  const found = allRows.filter(
    (row) =>
      (!wanted.state || row.state === wanted.state || (wanted.state === "bad" && isBad(row))) &&
      (!wanted.pictures || row.picture) &&
      (!text || searched(row).includes(text)),
  );
  if (wanted.sort) {
    const value = sortValue[wanted.sort] ?? ((row) => row[wanted.sort]);
    const order = (a, b) => (typeof value(a) === "number" ? value(a) - value(b) : collator.compare(value(a), value(b)));
    found.sort((a, b) => (wanted.falling ? order(b, a) : order(a, b)));
  }
  return { rows: found.slice(wanted.offset, wanted.offset + wanted.limit), total: found.length };
};
