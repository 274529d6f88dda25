// The page follows its run: it asks every few seconds whether something has changed, and draws what has.
const EVERY_MS = 3000;
const pulse = at("pulse");
let version = told.version;

const inUse = new Map([[review, at("review")], [gallery, at("gallery")]]);
const isInUse = (list) => inUse.get(list)?.matches(":hover, :focus-within");

const follow = async () => {
  const now = await ask(`now?known=${version}`);
  if (now.version !== version) {
    at("line").innerHTML = now.line; // escaped by the template that made it, as the page itself
    at("totals").innerHTML = now.totals;
    await Promise.all(lists.map((list) => (isInUse(list) ? null : list.refresh())));
    version = now.version;
  }
  at("machines").innerHTML = now.machines; // likewise
  pulse.textContent = now.pulse;
  pulse.dataset.life = now.life;
  at("trouble").hidden = !now.trouble;
  at("trouble").textContent = now.trouble;
};

const keepFollowing = async () => {
  try {
    if (!document.hidden) await follow();
  } catch (error) {
    at("trouble").textContent = `No answer from reelmend serve (${error.message}); showing the last known state.`;
    at("trouble").hidden = false;
  }
  setTimeout(keepFollowing, EVERY_MS);
};
begun.then(keepFollowing);
