"use strict";

// How does a value become part of the page? As text or as an attribute, never as markup.
const element = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
};

// A name may be written from right to left; the text around it must not follow.
const name = (text) => element("bdi", {}, text);

const number = (count) => count.toLocaleString("en").replaceAll(",", "\u2009");
