//! A headless Chromium, driven by its DevTools protocol over a pipe.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// The browser with one page.
pub struct Browser {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    last: u64,
    session: Option<String>,
    /// What the page told without being asked.
    told: Vec<Value>,
    _profile: tempfile::TempDir,
}

/// How a page is looked at.
#[derive(Clone, Copy)]
pub struct Look {
    pub wide: u32,
    pub tall: u32,
    pub phone: bool,
    pub dark: bool,
}

pub const DESKTOP: Look = Look { wide: 1280, tall: 900, phone: false, dark: false };
pub const PHONE: Look = Look { wide: 390, tall: 844, phone: true, dark: true };

impl Browser {
    /// Starts it; none where there is no Chromium, which is said.
    pub fn start() -> Option<Browser> {
        let installed = |folder: &str| Path::new(folder).join("chromium").is_file();
        if !["/usr/bin", "/bin", "/usr/local/bin"].into_iter().any(installed) {
            eprintln!("skipped: chromium is not installed");
            return None;
        }
        let profile = tempfile::tempdir().unwrap();
        // the protocol is spoken over descriptors 3 and 4
        let script = "exec chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
                      --disable-background-networking --disable-component-update --disable-sync \
                      --user-data-dir=\"$0\" --remote-debugging-pipe about:blank 3<&0 4>&1 </dev/null >/dev/null 2>&1";
        let mut child = Command::new("sh")
            .args(["-c", script])
            .arg(profile.path())
            .env("HOME", profile.path())
            .env("TMPDIR", profile.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let to = child.stdin.take().unwrap();
        let from = BufReader::new(child.stdout.take().unwrap());
        let mut browser =
            Browser { child, to, from, last: 0, session: None, told: Vec::new(), _profile: profile };
        let target = browser.call("Target.createTarget", json!({"url": "about:blank"}));
        let attached =
            browser.call("Target.attachToTarget", json!({"targetId": target["targetId"], "flatten": true}));
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        Some(browser)
    }

    /// Opens the file and waits until the page has drawn itself.
    pub fn open(&mut self, file: &Path, look: Look) {
        self.call(
            "Emulation.setDeviceMetricsOverride",
            json!({"width": look.wide, "height": look.tall, "deviceScaleFactor": if look.phone { 2 } else { 1 },
                   "mobile": look.phone}),
        );
        let scheme = if look.dark { "dark" } else { "light" };
        self.call(
            "Emulation.setEmulatedMedia",
            json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]}),
        );
        self.told.clear();
        self.call("Page.navigate", json!({"url": format!("file://{}", file.display())}));
        while !self.told.iter().any(|message| message["method"] == "Page.loadEventFired") {
            let message = self.message();
            self.told.push(message);
        }
        assert_eq!(self.eval("document.documentElement.dataset.ready"), "yes", "{:#?}", self.errors());
    }

    /// What an expression is in the page; a promise is waited for.
    pub fn eval(&mut self, expression: &str) -> Value {
        let params = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let answer = self.call("Runtime.evaluate", params);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer:#}");
        answer["result"]["value"].clone()
    }

    /// Waits until an expression is true in the page, frame by frame.
    pub fn until(&mut self, condition: &str) {
        let wait = format!(
            "new Promise(done => {{ const look = () => ({condition}) ? done(true) : requestAnimationFrame(look); look(); }})"
        );
        assert_eq!(self.eval(&wait), true);
    }

    /// Clicks the middle of the first element that the selector finds.
    pub fn click(&mut self, selector: &str) {
        let place = self.eval(&format!(
            "(() => {{ const it = document.querySelector({selector:?}); it.scrollIntoView({{ block: 'center' }}); \
             const box = it.getBoundingClientRect(); \
             return [box.x + Math.min(box.width / 2, 20), box.y + box.height / 2]; }})()"
        ));
        for kind in ["mousePressed", "mouseReleased"] {
            let params =
                json!({"type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1});
            self.call("Input.dispatchMouseEvent", params);
        }
    }

    /// Drags from the one place to the other, both in the window.
    pub fn drag(&mut self, from: (f64, f64), to: (f64, f64)) {
        for (kind, (x, y)) in [("mousePressed", from), ("mouseMoved", to), ("mouseReleased", to)] {
            let params =
                json!({"type": kind, "x": x, "y": y, "button": "left", "buttons": 1, "clickCount": 1});
            self.call("Input.dispatchMouseEvent", params);
        }
    }

    /// Presses and lets go a key by its name.
    pub fn press(&mut self, key: &str, code: u32) {
        for kind in ["keyDown", "keyUp"] {
            let mut params = json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code});
            if key == "Enter" && kind == "keyDown" {
                params["text"] = json!("\r");
            }
            self.call("Input.dispatchKeyEvent", params);
        }
    }

    /// Types into what has the focus.
    pub fn type_text(&mut self, text: &str) {
        self.call("Input.insertText", json!({"text": text}));
    }

    /// Keeps a picture of the whole page below the target folder.
    pub fn picture(&mut self, name: &str) -> PathBuf {
        let size = self.eval("[innerWidth, Math.min(document.documentElement.scrollHeight, 6000)]");
        let clip = json!({"x": 0, "y": 0, "width": size[0], "height": size[1], "scale": 1});
        let params = json!({"format": "png", "captureBeyondViewport": true, "clip": clip});
        let shot = self.call("Page.captureScreenshot", params);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("report");
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join(name);
        std::fs::write(&file, STANDARD.decode(shot["data"].as_str().unwrap()).unwrap()).unwrap();
        file
    }

    /// The page as it would be printed.
    pub fn print(&mut self) -> Vec<u8> {
        let printed = self.call("Page.printToPDF", json!({"printBackground": true}));
        STANDARD.decode(printed["data"].as_str().unwrap()).unwrap()
    }

    /// Everything that the page complained of since it was opened.
    pub fn errors(&mut self) -> Vec<Value> {
        self.eval("0");
        let bad = |message: &&Value| match message["method"].as_str() {
            Some("Runtime.exceptionThrown") => true,
            Some("Log.entryAdded") => {
                matches!(message["params"]["entry"]["level"].as_str(), Some("error" | "warning"))
            }
            Some("Runtime.consoleAPICalled") => {
                matches!(message["params"]["type"].as_str(), Some("error" | "warning" | "assert"))
            }
            _ => false,
        };
        self.told.iter().filter(bad).cloned().collect()
    }

    /// Addresses that were asked for since the page was opened.
    pub fn requests(&mut self) -> Vec<String> {
        self.eval("0");
        let sent = self.told.iter().filter(|message| message["method"] == "Network.requestWillBeSent");
        sent.map(|message| message["params"]["request"]["url"].as_str().unwrap().to_owned()).collect()
    }

    /// Barriers that axe-core finds serious or critical; none where it is not installed, which is said.
    pub fn barriers(&mut self) -> Option<Value> {
        let axe =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/report/npm/node_modules/axe-core/axe.min.js");
        let Ok(source) = std::fs::read_to_string(&axe) else {
            eprintln!("skipped: axe-core is not installed (scripts/setup.sh test installs it)");
            return None;
        };
        self.eval(&format!("{source}; 0"));
        Some(self.eval(
            "axe.run(document, { resultTypes: ['violations'] }).then(found => found.violations \
             .filter(it => it.impact === 'serious' || it.impact === 'critical') \
             .map(it => ({ id: it.id, help: it.help, nodes: it.nodes.slice(0, 5).map(n => n.html.slice(0, 300) + ' ' + n.failureSummary) })))",
        ))
    }

    fn call(&mut self, method: &str, params: Value) -> Value {
        self.last += 1;
        let mut message = json!({"id": self.last, "method": method, "params": params});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let mut bytes = serde_json::to_vec(&message).unwrap();
        bytes.push(0);
        self.to.write_all(&bytes).unwrap();
        self.to.flush().unwrap();
        loop {
            let message = self.message();
            if message["id"] == self.last {
                assert!(message["error"].is_null(), "{method}: {message:#}");
                return message["result"].clone();
            }
            self.told.push(message);
        }
    }

    fn message(&mut self) -> Value {
        let mut bytes = Vec::new();
        self.from.read_until(0, &mut bytes).unwrap();
        assert_eq!(bytes.pop(), Some(0), "Chromium went away");
        serde_json::from_slice(&bytes).unwrap()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
