// Two panels at JupyterLab's left side: examples, and environments. `pages.py` answers what they ask.
//
// This is what JupyterLab loads of an extension (a container of webpack's module federation), written by hand, so that it
// needs no build: `init` is given the modules that JupyterLab shares, `get` answers with ours.
(() => {
  const NAME = "@sagewright/notebook";
  let shared;

  /** A module of JupyterLab's own. */
  async function module(name) {
    const versions = Object.values(shared[name]);
    return (await (versions.find((each) => each.loaded) || versions[0]).get())();
  }

  /** An element with properties and children. */
  function make(tag, properties = {}, ...children) {
    const { aria, ...rest } = properties;
    const made = Object.assign(document.createElement(tag), rest);
    for (const [name, value] of Object.entries(aria || {})) made.setAttribute(`aria-${name}`, value);
    made.append(...children);
    return made;
  }

  const STYLE = `
    .sw-panel { overflow: auto; padding: 12px; color: var(--jp-ui-font-color1); font-size: var(--jp-ui-font-size1);
      background: var(--jp-layout-color1); min-width: 240px !important; }
    .sw-panel h2 { font-size: var(--jp-ui-font-size2); margin: 0 0 8px; }
    .sw-panel p { color: var(--jp-ui-font-color2); margin: 4px 0 8px; }
    .sw-panel ul { list-style: none; margin: 0 0 16px; padding: 0; }
    .sw-panel li { border-top: 1px solid var(--jp-border-color2); padding: 8px 0; overflow-wrap: anywhere; }
    .sw-panel label { display: block; margin: 8px 0; }
    .sw-panel input, .sw-panel select { box-sizing: border-box; width: 100%; margin-top: 2px; }
    .sw-panel .sw-said { color: var(--jp-error-color1); white-space: pre-wrap; }
    .sw-panel .sw-said:empty { display: none; }
    .sw-panel button + button { margin-left: 8px; }`;
  const BOOK = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="16"><path class="jp-icon3" fill="#616161" d="M5 3h13a1 1 0 0 1 1 1v16a1 1 0 0 1-1 1H5zm2 2v14h10V5zm2 2h6v2H9zm0 4h6v2H9z"/></svg>';
  const BOXES = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="16"><path class="jp-icon3" fill="#616161" d="M3 4h8v7H3zm10 0h8v7h-8zM3 13h8v7H3zm10 0h8v7h-8zM5 6v3h4V6zm10 0v3h4V6zM5 15v3h4v-3zm10 0v3h4v-3z"/></svg>';

  async function activate(app) {
    const { Widget } = await module("@lumino/widgets");
    const { LabIcon } = await module("@jupyterlab/ui-components");
    const { InputDialog, Dialog, showDialog } = await module("@jupyterlab/apputils");
    const { ServerConnection } = await module("@jupyterlab/services");
    const settings = app.serviceManager.serverSettings;
    document.head.append(make("style", { textContent: STYLE }));

    /** What the server answers. Throws its sentence when it refuses. */
    async function ask(path, method = "GET", body) {
      const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
      const answer = await ServerConnection.makeRequest(`${settings.baseUrl}sagewright/${path}`, init, settings);
      const text = await answer.text();
      if (!answer.ok) {
        let message = `${answer.status} ${answer.statusText}`;
        try {
          message = JSON.parse(text).message || message;
        } catch {} // an answer that is no JSON has no sentence
        throw new Error(message);
      }
      return JSON.parse(text || "null");
    }

    function panel(id, label, svgstr, rank, fill) {
      const node = make("div", { className: "sw-panel jp-RenderedHTMLCommon" });
      node.classList.remove("jp-RenderedHTMLCommon");
      const widget = new Widget({ node });
      widget.id = id;
      widget.title.icon = new LabIcon({ name: `sagewright:${id}`, svgstr });
      widget.title.caption = label;
      node.setAttribute("role", "region");
      node.setAttribute("aria-label", label);
      const said = make("p", { className: "sw-said" });
      said.setAttribute("role", "alert");
      /** Does something that may be refused, and says why. */
      const doing = async (work, button) => {
        said.textContent = "";
        if (button) button.disabled = true;
        try {
          await work();
        } catch (failed) {
          said.textContent = failed.message;
        } finally {
          if (button) button.disabled = false;
        }
      };
      widget.onBeforeShow = () => void doing(() => fill(node, said, doing));
      app.shell.add(widget, "left", { rank });
    }

    const button = (text, label, style, act) => {
      const made = make("button", { type: "button", textContent: text, className: `jp-mod-styled ${style}`, aria: { label } });
      made.addEventListener("click", () => act(made));
      return made;
    };

    /** A name that nothing has yet. */
    async function unused(stem) {
      const there = new Set((await app.serviceManager.contents.get("")).content.map((each) => each.name));
      let name = `${stem}.ipynb`;
      for (let number = 2; there.has(name); number++) name = `${stem}-${number}.ipynb`;
      return name;
    }

    async function use(example) {
      const asked = await InputDialog.getText({ title: "Create a copy in your home", text: await unused(example.name), okLabel: "Create copy" });
      if (!asked.button.accept || !asked.value) return;
      const path = asked.value.endsWith(".ipynb") ? asked.value : `${asked.value}.ipynb`;
      const contents = app.serviceManager.contents;
      const taken = await contents.get(path, { content: false }).then(() => true, () => false);
      if (taken) throw new Error(`There is a file ${path} already.`);
      await contents.save(path, { type: "notebook", format: "json", content: await ask(`examples/${example.name}`) });
      await app.commands.execute("docmanager:open", { path });
    }

    panel("sagewright-examples", "SageMaker Examples", BOOK, 800, async (node, said, doing) => {
      const rows = (await ask("examples")).map((each) =>
        make("li", {}, make("strong", { textContent: each.title }), make("p", { textContent: each.about }),
          button("Use", `Use ${each.title}`, "jp-mod-accept", (pressed) => void doing(() => use(each), pressed))));
      node.replaceChildren(make("h2", { textContent: "SageMaker Examples" }), said, make("ul", {}, ...rows));
    });

    panel("sagewright-environments", "Environments", BOXES, 810, fillEnvironments);

    async function fillEnvironments(node, said, doing) {
      const { environments, bases } = await ask("environments");
      const anew = async () => {
        await app.serviceManager.kernelspecs.refreshSpecs();
        await fillEnvironments(node, said, doing);
      };
      const install = async (each) => {
        const asked = await InputDialog.getText({ title: `Install into ${each.name}`, label: "Packages, with spaces between", okLabel: "Install" });
        if (asked.button.accept && asked.value) await ask(`environments/${each.name}`, "POST", { packages: asked.value });
      };
      const remove = async (each) => {
        const sure = await showDialog({ title: `Remove ${each.name}?`, body: "What was installed into it goes, and so does its kernel.",
          buttons: [Dialog.cancelButton(), Dialog.warnButton({ label: "Remove" })] });
        if (!sure.button.accept) return;
        await ask(`environments/${each.name}`, "DELETE");
        await anew();
      };
      const rows = environments.map((each) => {
        const about = each.own ? `Stands on ${each.base}. Kept when the instance stops.` : "The instance's own: what is installed into it lasts until the stop.";
        const row = make("li", {}, make("strong", { textContent: each.kernel }), make("p", { textContent: about }),
          button("Install…", `Install into ${each.name}`, "", (pressed) => void doing(() => install(each), pressed)));
        if (each.own) row.append(button("Remove", `Remove ${each.name}`, "jp-mod-warn", (pressed) => void doing(() => remove(each), pressed)));
        return row;
      });
      const name = make("input", { className: "jp-mod-styled", required: true });
      const base = make("select", { className: "jp-mod-styled" }, ...bases.map((each) => make("option", { textContent: each, value: each })));
      const packages = make("input", { className: "jp-mod-styled", placeholder: "lightgbm pandas==2.3.3" });
      const submit = make("button", { type: "submit", textContent: "Create", className: "jp-mod-styled jp-mod-accept" });
      const form = make("form", {}, make("h2", { textContent: "New environment" }), make("label", {}, "Name", name),
        make("label", {}, "Stands on", base), make("label", {}, "Packages", packages), submit);
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        submit.textContent = "Creating…";
        void doing(async () => {
          try {
            await ask("environments", "POST", { name: name.value.trim(), base: base.value, packages: packages.value });
            await anew();
          } finally {
            submit.textContent = "Create";
          }
        }, submit);
      });
      node.replaceChildren(make("h2", { textContent: "Environments" }), said, make("ul", {}, ...rows), form);
    }
  }

  const plugin = { id: `${NAME}:panels`, autoStart: true, activate: (app) => void app.restored.then(() => activate(app)) };
  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB[NAME] = {
    init: (scope) => {
      shared = scope;
    },
    get: async () => () => ({ __esModule: true, default: plugin }),
  };
})();
