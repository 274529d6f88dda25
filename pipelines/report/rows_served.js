// Where does a live page have its items from? From the server that it came from, a page at a time.
const told = JSON.parse(document.getElementById("told").textContent);

const toRow = (values) => Object.fromEntries(told.fields.map((field, index) => [field, values[index]]));

const ask = async (address) => {
  const answer = await fetch(address, { cache: "no-store" });
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
};

// Answers {state, text, pictures, sort, falling, offset, limit} with the rows of that page and how many match in all.
const askRows = async (wanted) => {
  const query = Object.entries(wanted).filter(([, value]) => value !== "" && value !== false);
  const found = await ask(`items?${new URLSearchParams(query)}`);
  return { rows: found.rows.map(toRow), total: found.total };
};
