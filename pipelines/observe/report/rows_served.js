// The items of a live page come from the server that it came from, a page at a time.
const ask = async (address) => {
  const answer = await fetch(address, { cache: "no-store" });
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
};

// Answers {state, text, pictures, review, sort, falling, offset, limit} with the rows of that page and how many match in all.
const askRows = async (wanted) => {
  const query = Object.entries(wanted).filter(([, value]) => value !== "" && value !== false);
  const found = await ask(`items?${new URLSearchParams(query)}`);
  return { rows: found.rows.map(toRow), total: found.total };
};
