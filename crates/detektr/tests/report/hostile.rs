//! An artifact that writes names, arguments, output and contents on purpose so that whoever reads them is deceived.

use crate::browser::{Browser, DESKTOP};
use crate::support::Home;
use crate::{able, detonated, page_of};

/// Names and contents with markup, escapes, direction marks, line separators; a line of a mebibyte.
const SCRIPT: &str = r#"
cd /tmp
a=$(printf '<img src=x onerror="window.pwned=1">')
: > "$a"
mkdir '<'
: > '</script><script>window.pwned=2<'
: > "$(printf 'photo\342\200\256gnp.sh')"
: > "$(printf 'clear\033[2J\033]0;owned\007')"
: > "$(printf 'two\nlines')"
: > "$(printf 'sep\342\200\250arated')"
: > '| cell `code` [link](javascript:alert(1)) ![i](data:x)'
printf '</script><script>window.pwned=3</script>\n<!--\n\342\200\250\n\033[31mred\n' > content.txt
head -c 1048576 /dev/zero | tr '\0' '<' > long
cp long shorter && truncate -s 200000 shorter
/bin/echo '</script><svg onload=window.pwned=4>' "$(printf '\033[2J\342\200\256')"
printf '\033[2J\033]0;owned\007<script>window.pwned=5</script>\n'
true "$(head -c 100000 /dev/zero | tr '\0' 'A')"
"#;

#[test]
fn nothing_that_an_artifact_writes_is_obeyed_by_any_reader_of_its_report() {
    if !able() {
        return;
    }
    let home = Home::new();
    for sensor in ["auto", "ptrace"] {
        let run = detonated(&home, &["--sensor", sensor], SCRIPT);
        let exit = home.detektr(["show", &run, "--json"]).json()["exit"].clone();
        assert_eq!(exit, serde_json::json!({"code": 0}), "{sensor}: the script does all that it means to");
        let file = page_of(&home, &run);
        let html = std::fs::read_to_string(&file).unwrap();
        assert_eq!(html.matches("</script").count(), 2, "{sensor}: an element ends early");
        assert!(html.len() < 2 << 20, "{} bytes", html.len());
        let markdown = home.detektr(["report", &run, "--markdown"]).stdout;
        harmless(&markdown);
        for line in markdown.lines() {
            // outside of code, markup is written out
            let told: String = line.split('`').step_by(2).collect();
            let told =
                told.replace("<details><summary>", "").replace("</summary>", "").replace("</details>", "");
            assert!(!told.contains('<'), "{line}");
        }
        let other = detonated(&home, &["--sensor", sensor], "true");
        for words in [&["diff", &run, &other][..], &["diff", "--all", &other, &run]] {
            harmless(&home.detektr(words).exits(1).stdout);
        }
        for line in home.detektr(["report", &run, "--ocsf"]).stdout.lines() {
            serde_json::from_str::<serde_json::Value>(line).unwrap();
        }
        let Some(mut browser) = Browser::start() else { continue };
        browser.open(&file, DESKTOP);
        browser.eval("document.querySelectorAll('details').forEach(it => (it.open = true))");
        browser.until("document.querySelectorAll('pre.text').length > 1");
        assert_eq!(browser.eval("typeof window.pwned"), "undefined", "{sensor}");
        let foreign = browser
            .eval("document.querySelectorAll('img, iframe, svg, object, embed, link, base, form').length");
        assert_eq!(foreign, 0);
        assert_eq!(browser.eval("document.scripts.length"), 2);
        let text = browser.eval("document.body.innerText");
        let text = text.as_str().unwrap();
        assert!(text.contains(r#"<img src=x onerror="window.pwned=1">"#), "the name is shown as it is");
        assert!(text.contains(r"photo\u{202e}gnp.sh") && text.contains(r"two\nlines"), "{text}");
        assert!(!text.contains(['\u{202e}', '\u{2028}', '\u{1b}', '\u{7}']));
        assert!(text.contains("</script><script>window.pwned=3</script>"), "contents are shown");
        assert_eq!(browser.errors(), Vec::<serde_json::Value>::new());
        assert_eq!(browser.requests(), [format!("file://{}", file.display())]);
        browser.picture(&format!("hostile-{sensor}.png"));
    }
}

fn harmless(text: &str) {
    let bad = |c: char| {
        (c.is_control() && c != '\n' && c != '\t') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2028}')
    };
    assert!(!text.contains(bad), "{text:?}");
}
