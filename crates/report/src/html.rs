//! The report as one HTML file that asks nothing of any network: the model as data, one style, one module that draws.

use crate::model::Report;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

pub(crate) const STYLE: &str = include_str!("page/page.css");
/// The module, in parts of one noun each; together they are one scope.
const MODULE: &[&str] = &[
    include_str!("page/1-dom.js"),
    include_str!("page/2-model.js"),
    include_str!("page/3-list.js"),
    include_str!("page/4-explorer.js"),
    include_str!("page/5-sections.js"),
    include_str!("page/6-main.js"),
];

/// The page for `report`.
///
/// # Errors
/// What can't be written as JSON.
pub fn html(report: &Report) -> serde_json::Result<String> {
    let module = MODULE.concat();
    let model = inlined(&serde_json::to_string(report)?);
    let title = escaped(&format!("{} — Detektr {}", report.artifact.name, report.run));
    // nothing but these two texts runs or styles, and nothing is fetched
    let policy = format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        digest(&module),
        digest(STYLE)
    );
    Ok(format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<title>{title}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n\
         <noscript><p>This report draws itself with a script of its own. Without scripts, read it as text: \
         <code>detektr report RUN --markdown</code>.</p></noscript>\n\
         <script type=\"application/json\" id=\"model\">{model}</script>\n\
         <script type=\"module\">{module}</script>\n</body>\n</html>\n"
    ))
}

pub(crate) fn digest(text: &str) -> String {
    STANDARD.encode(Sha256::digest(text.as_bytes()))
}

/// JSON that can stand in a script element: no tag can end it, no line separator breaks it. These characters occur
/// within strings only, where an escape means the same.
fn inlined(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for letter in json.chars() {
        match letter {
            '<' => safe.push_str("\\u003c"),
            '>' => safe.push_str("\\u003e"),
            '&' => safe.push_str("\\u0026"),
            '\u{2028}' => safe.push_str("\\u2028"),
            '\u{2029}' => safe.push_str("\\u2029"),
            other => safe.push(other),
        }
    }
    safe
}

/// Text for the content of an element.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_of_the_model_can_end_the_element_that_holds_it() {
        let json = serde_json::to_string("</script><!--<script>\u{2028}&amp;").unwrap();
        let safe = inlined(&json);
        assert!(!safe.contains(['<', '>', '&', '\u{2028}']), "{safe}");
        assert_eq!(serde_json::from_str::<String>(&safe).unwrap(), "</script><!--<script>\u{2028}&amp;");
    }

    #[test]
    fn the_module_makes_text_nodes_and_nothing_of_markup() {
        let module = MODULE.concat();
        let ways = [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "Function(",
            "srcdoc",
            "DOMParser",
            "createContextualFragment",
            "javascript:",
            "import(",
            "fetch(",
            "XMLHttp",
            "WebSocket",
            "EventSource",
            "sendBeacon",
            "localStorage",
            "http:",
            "https:",
        ];
        for way in ways {
            assert!(!module.contains(way), "{way}");
        }
        assert!(!module.contains("</"), "the module can't end its own element");
        assert!(!STYLE.contains("</") && !STYLE.contains("url("));
    }
}
