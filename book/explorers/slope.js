/* The explorer of the first page: move the logit and the label; the slope is their gap, p - y.
   The page brings the picture for one logit; this redraws it. Numbers are the companion's. */
(() => {
  const softplus = z => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));
  const sigmoid = z => z < 0 ? Math.exp(z) / (1 + Math.exp(z)) : 1 / (1 + Math.exp(-z));
  const loss = (z, y) => y * softplus(-z) + (1 - y) * softplus(z);
  const entropy = y => y <= 0 || y >= 1 ? 0 : -y * Math.log(y) - (1 - y) * Math.log1p(-y);
  const number = (x, digits) => x.toFixed(digits).replace("-", "\u2212");

  function start(figure) {
    const { left, bottom, unit, row, from, to } = JSON.parse(figure.dataset.scale);
    const x = z => left + (z + 6) * unit, y = l => bottom - l * unit, gap = p => from + p * (to - from);
    const part = name => figure.querySelector(`[data-part="${name}"]`);
    const set = (name, values) => { for (const key in values) part(name).setAttribute(key, values[key]); };
    const [logit, label] = figure.querySelectorAll("input");

    function draw() {
      const z = +logit.value, t = +label.value, p = sigmoid(z), l = loss(z, t), slope = p - t;
      const points = [];
      for (let i = -60; i <= 60; i++) points.push(`${x(i / 10).toFixed(1)} ${y(loss(i / 10, t)).toFixed(1)}`);
      figure.style.setProperty("--label", t);
      set("now", { d: "M" + points.join("L") });
      set("tangent", { d: `M${x(-6)} ${y(l + slope * (-6 - z))}L${x(6)} ${y(l + slope * (6 - z))}` });
      const step = z > 4.6 ? -1 : 1;
      set("triangle", { d: `M${x(z)} ${y(l)}H${x(z + step)}V${y(l + step * slope)}` });
      set("name", { x: x(z + step) + 7 * step, y: Math.max(20, y(l + step * slope / 2) + 5), "text-anchor": step > 0 ? "start" : "end" });
      set("floor", { d: `M${x(-6)} ${y(entropy(t))}H${x(6)}` });
      set("point", { cx: x(z), cy: y(l) });
      set("gap", { d: `M${gap(p)} ${row}H${gap(t)}` });
      set("p", { transform: `translate(${gap(p)} ${row})` });
      set("y", { transform: `translate(${gap(t)} ${row})` });
      const shown = { z: number(z, 1), p: number(p, 3), y: number(t, 2), loss: number(l, 3), slope: number(slope, 3) };
      for (const name in shown) figure.querySelector(`[data-shows="${name}"]`).textContent = shown[name];
      logit.setAttribute("aria-valuetext", `logit ${shown.z}, slope ${shown.slope}`);
      label.setAttribute("aria-valuetext", `label ${shown.y}, slope ${shown.slope}`);
    }

    const picture = figure.querySelector("svg");
    function follow(event) {
      const box = picture.getBoundingClientRect();
      logit.value = ((event.clientX - box.left) / box.width * picture.viewBox.baseVal.width - left) / unit - 6;
      draw();
    }
    picture.addEventListener("pointerdown", event => { picture.setPointerCapture(event.pointerId); follow(event); });
    picture.addEventListener("pointermove", event => { if (event.buttons) follow(event); });
    logit.addEventListener("input", draw);
    label.addEventListener("input", draw);
    draw();
  }

  document.querySelectorAll("figure.bce").forEach(start);
})();
