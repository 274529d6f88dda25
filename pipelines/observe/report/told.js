// Data embedded in the page, and the names of an item's values.
const told = JSON.parse(document.getElementById("told").textContent);

const named = (fields, values) => values && Object.fromEntries(fields.map((field, index) => [field, values[index]]));
const toRow = (values) => {
  const row = named(told.fields, values);
  return { ...row, picture: named(told.pictureFields, row.picture) };
};
