// SPDX-License-Identifier: Apache-2.0

/// The script that shows values under the pointer; without it the page lacks nothing else.
///
/// Texts reach the page as text only, never as markup.
enum PageScript {
  static let text = """
    "use strict";
    (() => {
      const names = {k: 1e3, M: 1e6, B: 1e9, T: 1e12};
      const digits = (v, n) => String(Number(v.toPrecision(n)));
      const sup = (n) => [...String(n)].map((c) => c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]).join("");
      const power = (v) => {
        const [m, e] = v.toExponential(2).split("e");
        return `${Number(m)}×10${sup(Number(e))}`;
      };
      const clock = (s) => {
        const two = (n) => String(Math.floor(n)).padStart(2, "0");
        if (s < 60) return `${digits(s, 3)}s`;
        if (s < 3600) return `${Math.floor(s / 60)}m ${two(s % 60)}s`;
        return `${Math.floor(s / 3600)}h ${two(s % 3600 / 60)}m`;
      };
      const counted = (v) => {
        for (const [name, size] of Object.entries(names).reverse()) {
          if (Math.abs(v) >= size) return digits(v / size, 4) + name;
        }
        return digits(v, 5);
      };
      const written = (v, style) => {
        if (style === "seconds") return clock(v);
        if (style === "percent") return `${digits(v * 100, 3)} %`;
        const small = v !== 0 && Math.abs(v) < 1e-4;
        if (small || (style === "power" && Math.abs(v) >= 1e4) || Math.abs(v) >= 1e15) {
          return power(v).replace("-", "−");
        }
        return (style === "count" ? counted(v) : digits(v, 5)).replace("-", "−");
      };
      const place = (v, a) => {
        const f = a.log ? Math.log10 : (x) => x;
        return a.start + (f(v) - f(a.low)) / (f(a.high) - f(a.low)) * (a.end - a.start);
      };
      const nearest = (xs, target) => {
        let low = 0, high = xs.length - 1;
        while (low < high) {
          const middle = (low + high) >> 1;
          if (xs[middle] < target) low = middle + 1; else high = middle;
        }
        return low > 0 && target - xs[low - 1] < xs[low] - target ? low - 1 : low;
      };
      const add = (parent, name, text) => {
        const element = document.createElement(name);
        if (text !== undefined) element.textContent = text;
        return parent.appendChild(element);
      };
      const prepare = (figure) => {
        const svg = figure.querySelector("svg");
        const chart = JSON.parse(figure.querySelector("script").textContent);
        for (const s of chart.series) s.px = s.x.map((v) => place(v, chart.x));
        const places = [...new Set(chart.series.flatMap((s) => s.px))].sort((a, b) => a - b);
        if (!places.length) return;
        const tip = add(figure, "div");
        tip.className = "tip";
        tip.hidden = true;
        const line = document.createElementNS("http://www.w3.org/2000/svg", "line");
        line.setAttribute("class", "hover");
        line.style.display = "none";
        svg.appendChild(line);
        let current = -1;
        const hide = () => { tip.hidden = true; line.style.display = "none"; };
        const show = (index) => {
          current = Math.max(0, Math.min(places.length - 1, index));
          const x = places[current];
          tip.replaceChildren();
          const title = add(tip, "div");
          title.className = "soft";
          let value = null;
          for (const s of chart.series) {
            const i = nearest(s.px, x);
            if (i < 0 || s.px.length === 0 || Math.abs(s.px[i] - x) > 12) continue;
            if (value === null || s.px[i] === x) value = s.x[i];
            const row = add(tip, "div");
            add(row, "span").className = `swatch s${s.colour}`;
            add(row, "span", `${s.name}: `);
            add(row, "b", written(s.y[i], chart.y.style));
          }
          title.textContent = `${chart.x.label}: ${written(value, chart.x.style)}`;
          for (const [key, v] of [["x1", x], ["x2", x], ["y1", chart.y.start], ["y2", chart.y.end]]) {
            line.setAttribute(key, v);
          }
          line.style.display = "";
          tip.hidden = false;
          const frame = svg.getBoundingClientRect(), outer = figure.getBoundingClientRect();
          const scale = frame.width / svg.viewBox.baseVal.width;
          const left = frame.left - outer.left + x * scale;
          const flip = left + tip.offsetWidth + 16 > outer.width;
          tip.style.left = `${Math.max(4, flip ? left - tip.offsetWidth - 12 : left + 12)}px`;
          tip.style.top = `${frame.top - outer.top + chart.y.end * scale}px`;
        };
        svg.addEventListener("pointermove", (event) => {
          const frame = svg.getBoundingClientRect();
          const x = (event.clientX - frame.left) * svg.viewBox.baseVal.width / frame.width;
          show(nearest(places, x));
        });
        svg.addEventListener("pointerleave", hide);
        svg.setAttribute("tabindex", "0");
        svg.addEventListener("blur", hide);
        svg.addEventListener("keydown", (event) => {
          const steps = {ArrowLeft: -1, ArrowRight: 1, Home: -1e9, End: 1e9};
          if (event.key === "Escape") hide();
          if (!(event.key in steps)) return;
          event.preventDefault();
          show(current + steps[event.key]);
        });
      };
      for (const figure of document.querySelectorAll("figure.hovering")) prepare(figure);
    })();

    """
}
