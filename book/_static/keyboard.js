/* What the theme's scripts leave out for readers with a keyboard. */
(() => {
  // What scrolls sideways in itself can be reached, and is then scrolled by the arrow keys.
  const sizes = new ResizeObserver(changes => {
    for (const { target } of changes) {
      const scrolls = /auto|scroll/.test(getComputedStyle(target).overflowX);
      if (scrolls && target.scrollWidth > target.clientWidth) target.tabIndex = 0;
      else target.removeAttribute("tabindex");
    }
  });
  // Code in a tab that was not chosen when the page came had no width then.
  const wide = ".katex-display, .cell_output, td, .sd-tab-content pre";
  const watch = () => document.querySelectorAll(wide).forEach(each => {
    sizes.unobserve(each);
    sizes.observe(each);
  });
  watch();
  document.fonts.ready.then(watch);  // a face that arrives makes a formula wider, and not its box

  // Closing the menu of a phone, the browser loses where the reader was.
  document.getElementById("pst-primary-sidebar-modal")?.addEventListener("close", () =>
    requestAnimationFrame(() => document.querySelector(".primary-toggle")?.focus()));
})();
