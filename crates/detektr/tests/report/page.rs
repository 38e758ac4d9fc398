//! The page in a real browser: opened, clicked, searched, printed, looked at by axe-core.

use crate::browser::{Browser, DESKTOP, Look, PHONE};
use crate::support::{Home, story};
use crate::{able, detonated, page_of, sample};
use detektr_detect::{Actor, AttackName, BehaviourReport, Confidence, Finding, Level, Reached};
use detektr_event::{Access, Detail, Open, Outcome};
use detektr_evidence::Bundle;
use detektr_report::model::Severity;
use std::path::Path;

/// A run with something for every room of the report.
const SCRIPT: &str = "printf '#!/bin/sh\\necho dropped\\n' > /tmp/tool; chmod 755 /tmp/tool; /tmp/tool; \
    echo 'alias ls=true' >> $HOME/.profile; rm -f $HOME/.bashrc; mkdir -p /tmp/a/b; ln -s /etc/passwd /tmp/a/link; \
    cat $HOME/.ssh/id_ed25519 > /dev/null; cat /etc/shadow; (: & wait); \
    bash -c 'exec 3<>/dev/tcp/192.0.2.1/443'; echo to stdout; echo to stderr >&2; exit 3";

fn sound(browser: &mut Browser, file: &Path) {
    let errors = browser.errors();
    assert!(errors.is_empty(), "{errors:#?}");
    assert_eq!(browser.requests(), [format!("file://{}", file.display())]);
    let stored = browser.eval("performance.getEntriesByType('resource').length");
    assert_eq!(stored, 0, "nothing is fetched");
}

#[test]
fn the_page_tells_what_a_real_run_did_and_asks_nothing_of_any_network() {
    let Some(mut browser) = Browser::start() else { return };
    if !able() {
        return;
    }
    let home = Home::new();
    let run = detonated(&home, &[], SCRIPT);
    let file = page_of(&home, &run);
    let length = std::fs::metadata(&file).unwrap().len();
    assert!(length < 2 << 20, "{length} bytes");
    browser.open(&file, DESKTOP);
    let text = browser.eval("document.body.innerText");
    let text = text.as_str().unwrap();
    for part in [
        "/tmp/tool",
        "192.0.2.1:443",
        "/etc/shadow",
        "exit code 3",
        "evidence complete",
        "to stdout",
        "to stderr",
        "id_ed25519",
        &run,
    ] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
    sound(&mut browser, &file);
    browser.picture("desktop-light.png");
    browser.open(&file, Look { dark: true, ..DESKTOP });
    browser.picture("desktop-dark.png");
    browser.open(&file, PHONE);
    let overflow = browser.eval("document.documentElement.scrollWidth - innerWidth");
    assert!(overflow.as_i64().unwrap() <= 0, "the page is {overflow} pixels wider than the phone");
    sound(&mut browser, &file);
    browser.picture("phone-dark.png");
    let paper = browser.print();
    assert!(paper.starts_with(b"%PDF"));
    sound(&mut browser, &file);
}

#[test]
fn sentences_lead_to_events_and_events_to_processes() {
    let Some(mut browser) = Browser::start() else { return };
    let home = Home::new();
    home.sealed("links", story());
    let file = page_of(&home, "links");
    browser.open(&file, DESKTOP);
    browser.click("#did .proof a[href^='#event-']");
    browser.until("document.querySelector('#detail').innerText.includes('Event')");
    let hash = browser.eval("location.hash");
    let seq = hash.as_str().unwrap().strip_prefix("#event-").unwrap().to_owned();
    let row = browser.eval("document.querySelector('.events .row.on').innerText");
    assert!(row.as_str().unwrap().starts_with(&seq), "{row}");
    browser.click(".events .row.on a[href^='#process-']");
    browser.until("document.querySelector('.chips').innerText.includes('process')");
    browser.until("document.querySelectorAll('.tree .row.on').length === 1");
    // back leads to where one came from
    browser.eval("history.back()");
    browser.until(&format!("location.hash === '#event-{seq}'"));
    sound(&mut browser, &file);
}

#[test]
fn every_number_in_the_model_leads_somewhere() {
    let Some(mut browser) = Browser::start() else { return };
    let home = Home::new();
    home.sealed("whole", story());
    let file = page_of(&home, "whole");
    browser.open(&file, DESKTOP);
    let links = browser.eval("[...document.querySelectorAll('main a')].map(a => a.getAttribute('href'))");
    let links = links.as_array().unwrap();
    assert!(links.len() > 10);
    for link in links.iter().map(|link| link.as_str().unwrap()).filter(|link| !link.starts_with("#proof-")) {
        let (what, which) = link[1..].split_once('-').unwrap_or((&link[1..], ""));
        let there = match what {
            "event" => browser.eval(&format!(
                "(location.hash = '{link}', new Promise(done => addEventListener('hashchange', () => \
                 requestAnimationFrame(() => done(document.querySelector('#detail').innerText.startsWith('Event {which}:'))), {{ once: true }})))"
            )),
            _ => continue,
        };
        assert_eq!(there, true, "{link}");
        browser.eval("history.replaceState(null, '', location.pathname)");
    }
    sound(&mut browser, &file);
}

#[test]
fn search_and_filters_narrow_processes_and_events_together() {
    let Some(mut browser) = Browser::start() else { return };
    let home = Home::new();
    home.sealed("filters", story());
    let file = page_of(&home, "filters");
    browser.open(&file, DESKTOP);
    browser.click("#search");
    browser.type_text("shadow");
    browser.until("document.querySelector('#told').innerText.startsWith('5 events of 10')");
    let rows = browser.eval("[...document.querySelectorAll('.tree .row')].map(r => r.innerText).join('\\n')");
    let rows = rows.as_str().unwrap();
    assert!(
        rows.contains("cat /etc/shadow") && rows.contains("/bin/sh") && !rows.contains("other"),
        "{rows}"
    );
    for (select, value, wanted) in [
        ("outcome", "failure", "2 events of 10"),
        ("kind", "network.connect", "1 event of 10"),
        ("outcome", "", "1 event of 10"),
        ("kind", "network", "1 event of 10"),
        ("kind", "file", "1 event of 10"),
    ] {
        browser.eval(&format!(
            "(() => {{ const it = document.querySelector('#{select}'); it.value = '{value}'; \
             it.dispatchEvent(new Event('change')); }})()"
        ));
        browser.until(&format!("document.querySelector('#told').innerText.startsWith('{wanted}')"));
    }
    browser.click(".bar button:last-child");
    browser.until("document.querySelector('#told').innerText.startsWith('10 events of 10')");
    sound(&mut browser, &file);
}

#[test]
fn the_time_axis_is_zoomed_by_dragging_and_by_buttons() {
    let Some(mut browser) = Browser::start() else { return };
    let home = Home::new();
    let mut events = story();
    for (at, event) in events.iter_mut().enumerate() {
        event.boot_ns = at as u64 * 1_000_000;
    }
    home.sealed("zoom", events);
    let file = page_of(&home, "zoom");
    browser.open(&file, DESKTOP);
    let box_of = "(() => { const it = document.querySelector('.axis'); it.scrollIntoView({ block: 'center' }); \
                  const box = it.getBoundingClientRect(); return [box.x, box.y + box.height / 2, box.width]; })()";
    let place = browser.eval(box_of);
    let [x, y, wide] = [0, 1, 2].map(|at| place[at].as_f64().unwrap());
    browser.drag((x + wide * 0.5, y), (x + wide * 0.9, y));
    browser.until("document.querySelector('.chips').innerText.includes('from')");
    browser.until("document.querySelector('#told').innerText.startsWith('4 events of 10')");
    browser.click(".bar button[aria-label='Zoom out']");
    browser.until("!document.querySelector('#told').innerText.startsWith('4 events')");
    browser.click(".chips button");
    browser.until("document.querySelector('#told').innerText.startsWith('10 events of 10')");
    sound(&mut browser, &file);
}

#[test]
fn the_lists_are_walked_by_keyboard() {
    let Some(mut browser) = Browser::start() else { return };
    let home = Home::new();
    home.sealed("keys", story());
    let file = page_of(&home, "keys");
    browser.open(&file, DESKTOP);
    browser.eval("document.querySelector('.list.events').focus()");
    for _ in 0..3 {
        browser.press("ArrowDown", 40);
    }
    browser.press("Enter", 13);
    browser.until("location.hash === '#event-3'");
    browser.eval("document.querySelector('.list.events').focus()");
    browser.press("End", 35);
    browser.press("Enter", 13);
    browser.until("location.hash === '#event-10'");
    browser.eval("document.querySelector('.list.tree').focus()");
    browser.press("Home", 36);
    browser.press("ArrowLeft", 37);
    browser.until("document.querySelector('.tree .fold').getAttribute('aria-expanded') === 'false'");
    sound(&mut browser, &file);
}

#[test]
fn axe_finds_no_serious_barrier_in_light_and_dark_wide_and_narrow() {
    let Some(mut browser) = Browser::start() else { return };
    let home = Home::new();
    home.sealed("axe", story());
    let file = page_of(&home, "axe");
    for dark in [false, true] {
        for look in [DESKTOP, PHONE] {
            browser.open(&file, Look { dark, ..look });
            browser.eval("document.querySelectorAll('details').forEach(it => (it.open = true))");
            browser.eval("location.hash = '#event-5'");
            browser.until("document.querySelector('#detail').innerText.includes('Event 5')");
            let Some(found) = browser.barriers() else { return };
            assert_eq!(found, serde_json::json!([]), "dark {dark}, {} wide: {found:#}", look.wide);
        }
    }
}

#[test]
fn a_hundred_thousand_events_keep_the_page_small_and_quick() {
    let Some(mut browser) = Browser::start() else { return };
    let home = Home::new();
    let mut events = vec![sample::exec(1, 2, None, &["/bin/busy"])];
    for seq in 2..100_000u64 {
        let path = format!("/srv/data/{}", seq % 5_000);
        let open = Open { path: sample::file(&path), flags: vec![], access: Access::Read, fd: Some(3) };
        let outcome = if seq % 10 == 0 { Outcome::failure("ENOENT") } else { Outcome::SUCCESS };
        let mut event =
            sample::event(seq, sample::process(2, 1, "/bin/busy"), outcome, Detail::FileOpen { file: open });
        event.boot_ns = seq * 1_000;
        events.push(event);
    }
    events.push(sample::exit(100_000, 2, 0));
    home.sealed("busy", events);
    let file = page_of(&home, "busy");
    let length = std::fs::metadata(&file).unwrap().len();
    browser.open(&file, DESKTOP);
    let ready =
        browser.eval("Math.round(performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd)");
    println!("100,000 events: {length} bytes, drawn {ready} ms after the start of navigation");
    assert!(length < 6 << 20, "{length} bytes");
    let nodes = browser.eval("document.querySelectorAll('*').length");
    assert!(nodes.as_u64().unwrap() < 2_000, "{nodes} elements");
    browser.eval("location.hash = '#event-99999'");
    browser.until("document.querySelector('.events .row.on')?.innerText.startsWith('99,999')");
    browser.click("#search");
    browser.type_text("/srv/data/4321");
    browser.until("document.querySelector('#told').innerText.startsWith('20 events of 100,000')");
    sound(&mut browser, &file);
}

#[test]
fn the_policy_of_the_page_stops_what_the_page_does_not_hold_itself() {
    let Some(mut browser) = Browser::start() else { return };
    let home = Home::new();
    home.sealed("policy", story());
    let file = page_of(&home, "policy");
    // a page into which somebody smuggled markup: neither its script nor its request comes to anything
    let text = std::fs::read_to_string(&file).unwrap();
    let smuggled = text.replacen(
        "<noscript>",
        "<script>window.pwned = 1</script><img src=\"http://127.0.0.1:1/x\"><noscript>",
        1,
    );
    assert_ne!(text, smuggled);
    let file = home.file("smuggled.html", smuggled.as_bytes());
    browser.open(&file, DESKTOP);
    assert_eq!(browser.eval("typeof window.pwned"), "undefined");
    let errors = browser.errors();
    let refused = |what: &str| errors.iter().any(|error| error.to_string().contains(what));
    assert!(refused("script-src") && refused("img"), "{errors:#?}");
}

/// A behaviour as it is derived: `attack` names tactic and technique.
fn finding(title: &str, level: Level, attack: (&str, &str, &str, &str), events: &[u64]) -> Finding {
    let name = |id: &str, name: &str| AttackName { id: id.into(), name: Some(name.into()) };
    let (tactic, tactic_name, technique, technique_name) = attack;
    let process = sample::process(3, 1, "/usr/bin/cat");
    Finding {
        id: title.to_lowercase().replace(' ', "-"),
        title: title.into(),
        tactic: Some(name(tactic, tactic_name)),
        techniques: vec![name(technique, technique_name)],
        sentence: format!("{title}: <b>/etc/shadow</b>\u{202e}."),
        level,
        confidence: Confidence::High,
        outcome: Reached::Attempted,
        processes: vec![Actor { id: process.id, pid: 3, exe: process.exe }],
        events: events.to_vec(),
        count: 1,
    }
}

#[test]
fn behaviours_make_the_headline_and_the_matrix_and_lead_to_their_proof() {
    let home = Home::new();
    let bundle = Bundle::open(&home.sealed("meaning", story())).unwrap();
    let credential = ("TA0006", "Credential Access", "T1003.008", "/etc/passwd and /etc/shadow");
    let control = ("TA0011", "Command and Control", "T1071", "Application Layer Protocol");
    let findings = vec![
        Finding { outcome: Reached::Succeeded, ..finding("Called home", Level::Medium, control, &[7]) },
        finding("Read password hashes", Level::High, credential, &[5]),
        finding("Ran a shell", Level::Informational, control, &[1]),
    ];
    let meaning = BehaviourReport { findings, holes: vec![], events: 10 };
    let report = detektr_report::report(&bundle, "sha256:0", &meaning).unwrap();
    assert_eq!(report.headline.sentence, "Read password hashes (attempted); Called home.");
    assert_eq!(report.headline.severity, Some(Severity::High));

    let layer = detektr_report::navigator(&report);
    let techniques = layer["techniques"].as_array().unwrap();
    assert_eq!(techniques.len(), 2);
    assert_eq!(techniques[0]["techniqueID"], "T1003.008");
    assert_eq!(techniques[0]["tactic"], "credential-access");

    let mut lines = Vec::new();
    detektr_report::ocsf(&report, &bundle, &mut lines).unwrap();
    let lines = String::from_utf8(lines).unwrap();
    let finding: serde_json::Value = serde_json::from_str(
        lines.lines().find(|line| line.contains("\"class_uid\":2004") && line.contains("T1003.008")).unwrap(),
    )
    .unwrap();
    assert_eq!((&finding["class_uid"], &finding["severity_id"]), (&2004.into(), &4.into()));
    assert_eq!(finding["finding_info"]["attacks"][0]["sub_technique"]["uid"], "T1003.008");
    assert_eq!(finding["finding_info"]["related_events"][0]["uid"], "meaning:5");

    let text = detektr_report::run_markdown(&report);
    assert!(text.contains("| high | T1003.008 |") && !text.contains("<b>"), "{text}");

    let Some(mut browser) = Browser::start() else { return };
    let file = home.file("meaning.html", detektr_report::html(&report).unwrap().as_bytes());
    browser.open(&file, DESKTOP);
    assert_eq!(
        browser.eval("document.querySelector('h1').innerText"),
        "Read password hashes (attempted); Called home."
    );
    assert_eq!(browser.eval("document.querySelectorAll('#attack .cell').length"), 2);
    browser.click("#attack .cell.is-high");
    browser.until("document.querySelector('#told').innerText.startsWith('1 event of 10')");
    browser.until("document.querySelector('.events .row').innerText.includes('/etc/shadow')");
    if let Some(found) = browser.barriers() {
        assert_eq!(found, serde_json::json!([]), "{found:#}");
    }
    sound(&mut browser, &file);
    browser.picture("behaviours.png");
}
