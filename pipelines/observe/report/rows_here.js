// The items of a report: those of the page itself; `read_others.js` adds those that lie beside it.
const allRows = told.rows.map(toRow);
const collator = new Intl.Collator(undefined, { numeric: true });
const sortValue = { size: (row) => row.width * row.height, score: (row) => row.score ?? Infinity };
const isBad = (row) => row.problem !== null;

const searched = (row) => (row.searched ??= `${row.id}\n${row.video}\n${row.note}\n${row.reviewReason}`.toLowerCase());

// Answers {state, text, pictures, review, sort, falling, offset, limit} with the rows of that page and how many match in all.
const askRows = async (wanted) => {
  const text = (wanted.text ?? "").toLowerCase();
  const found = allRows.filter(
    (row) =>
      (!wanted.state || row.state === wanted.state || (wanted.state === "bad" && isBad(row))) &&
      (!wanted.pictures || row.picture) &&
      (!wanted.review || row.review === (wanted.review === "yes")) &&
      (!text || searched(row).includes(text)),
  );
  if (wanted.sort) {
    const value = sortValue[wanted.sort] ?? ((row) => row[wanted.sort]);
    const compare = (a, b) => (typeof a === "number" ? (a < b ? -1 : Number(a > b)) : collator.compare(a, b));
    const order = (a, b) => compare(value(a), value(b));
    found.sort((a, b) => (wanted.falling ? order(b, a) : order(a, b)));
  }
  return { rows: found.slice(wanted.offset, wanted.offset + wanted.limit), total: found.length };
};
