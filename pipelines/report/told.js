// What the page is told by the page itself, and how the values of an item get their names.
const told = JSON.parse(document.getElementById("told").textContent);

const named = (fields, values) => values && Object.fromEntries(fields.map((field, index) => [field, values[index]]));
const toRow = (values) => {
  const row = named(told.fields, values);
  return { ...row, picture: named(told.pictureFields, row.picture) };
};
