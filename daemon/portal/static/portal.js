// Copy buttons, countdowns, the code's field, double clicks, and secrets that go
// with their page. Every page works without it.
"use strict";

(() => {
	const all = (selector) => document.querySelectorAll(selector);

	// A list is copied line by line; what is grouped by style only, without any
	// blank.
	const textOf = (el) => el.matches("ol, ul")
		? Array.from(el.children, (item) => item.textContent.trim()).join("\n")
		: el.textContent.replace(/\s/g, "");

	// Browsers lend the clipboard to pages that came safely; elsewhere the text is
	// selected, for the person's own "copy".
	const copy = async (el) => {
		try {
			await navigator.clipboard.writeText(textOf(el));
			return true;
		} catch {
			getSelection().selectAllChildren(el);
			return false;
		}
	};

	for (const button of all("button[data-copy]")) {
		const from = document.getElementById(button.dataset.copy);
		const said = document.getElementById(button.dataset.copy + "-copied");
		if (!from) continue;
		button.hidden = false;
		button.addEventListener("click", async () => {
			if (!await copy(from) || !said) return;
			said.hidden = false;
			said.textContent = said.dataset.text;
		});
	}

	// A countdown begins with the seconds that the server counted, and goes by a
	// clock that nobody sets.
	const effects = {
		ends(id) {
			const form = document.getElementById(id), over = document.getElementById(id + "-over");
			if (form) for (const control of form.elements) control.disabled = true;
			if (over) over.hidden = false;
		},
		opens(id) {
			const button = document.getElementById(id);
			if (button) button.disabled = false;
		},
	};
	const counted = Array.from(all("[data-left]"), (el) => ({ el, until: performance.now() + 1000 * el.dataset.left }));
	for (const { el } of counted) {
		const button = document.getElementById(el.dataset.opens);
		if (button) button.disabled = true;
	}
	const tick = () => {
		for (const one of counted) {
			if (one.done) continue;
			const left = Math.max(0, Math.ceil((one.until - performance.now()) / 1000));
			one.el.textContent = [left / 60, left % 60].map((n) => String(Math.floor(n)).padStart(2, "0")).join(":");
			if (left > 0) continue;
			one.done = true;
			if (one.el.dataset.opens) one.el.closest(".countdown").hidden = true;
			for (const effect in effects) if (one.el.dataset[effect]) effects[effect](one.el.dataset[effect]);
		}
		if (counted.some((one) => !one.done)) setTimeout(tick, 250);
	};
	tick();

	// Codes come with blanks, by paste, and in full-width digits.
	for (const field of all("input.code")) {
		field.addEventListener("input", () => {
			const digits = field.value.normalize("NFKC").replace(/\D/g, "").slice(0, 6);
			if (digits !== field.value) field.value = digits;
		});
	}

	// A double click sends a form once: the browser would show the second answer,
	// and what the first one shows is shown once. After a while a click counts
	// again: the first request may have come to nothing.
	const againAfter = 5000; // ms
	for (const form of all("form")) {
		let sent = -Infinity;
		form.addEventListener("submit", (event) => {
			if (event.timeStamp - sent < againAfter) event.preventDefault();
			else sent = event.timeStamp;
		});
	}

	// Whoever leaves a page with a secret leaves it for good: "back" must not
	// bring it up again.
	addEventListener("pagehide", () => {
		for (const el of all("[data-secret]")) {
			el.replaceChildren();
			el.hidden = true;
		}
		for (const el of all("[data-gone]")) el.hidden = false;
	});
})();
