//! The matrix as one HTML file without any script, in the look of a run's report. What it shows is text, never markup.

use crate::html::{STYLE, digest, escaped};
use detektr_validate::matrix::{Condition, Hit, Matrix, Miss, RuleRow, State, Status};
use std::fmt::Write;

/// Values longer than this, in letters, are cut.
const LONG: usize = 300;

/// The page.
pub fn matrix_html(matrix: &Matrix) -> String {
    let mut page = String::new();
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        digest(STYLE)
    );
    let totals = &matrix.totals;
    let worst = if matrix.fails() {
        "is-high"
    } else if matrix.is_open() {
        "is-medium"
    } else {
        "is-low"
    };
    let answered = totals.proven + totals.partly + totals.missed;
    let headline = format!(
        "{} of {} rules could be judged on what was executed: {} proven, {} in part, {} missed everything",
        answered, totals.rules, totals.proven, totals.partly, totals.missed
    );
    push(
        &mut page,
        &format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\"/>\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
             <meta name=\"referrer\" content=\"no-referrer\"/>\n<title>Evidence matrix — Detektr</title>\n\
             <style>{STYLE}</style>\n</head>\n<body>\n<header class=\"top\"><div>\n\
             <p class=\"brand\"><b>Detektr {}</b><span>Evidence matrix</span></p>\n\
             <div class=\"verdict {worst}\"><div class=\"stripe\"></div><div><h1>{}</h1>\n",
            escaped(&matrix.detektr),
            escaped(&headline)
        ),
    );
    badges(&mut page, matrix);
    push(&mut page, "</div></div>\n</div></header>\n<nav><div>\n");
    for status in Status::ALL.into_iter().filter(|status| rules(matrix, *status).next().is_some()) {
        let count = rules(matrix, status).count();
        push(
            &mut page,
            &format!(
                "<a href=\"#{}\">{}<span class=\"n\">{count}</span></a>\n",
                status.name(),
                words(status.name())
            ),
        );
    }
    push(
        &mut page,
        "<a href=\"#twins\">Twins</a>\n<a href=\"#variants\">Variants</a>\n</div></nav>\n<main>\n",
    );
    for status in Status::ALL {
        section(&mut page, matrix, status);
    }
    twins(&mut page, matrix);
    variants(&mut page, matrix);
    not_loaded(&mut page, matrix);
    push(
        &mut page,
        "</main>\n<footer>Every run named here is sealed evidence: <code>detektr show RUN</code>, \
         <code>detektr rule check RULES RUN</code>, <code>detektr diff RUN RUN</code>.</footer>\n</body>\n</html>\n",
    );
    page
}

fn push(page: &mut String, text: &str) {
    page.push_str(text);
}

fn rules(matrix: &Matrix, status: Status) -> impl Iterator<Item = &RuleRow> {
    matrix.rules.iter().filter(move |rule| rule.status == status)
}

fn words(name: &str) -> String {
    let text = name.replace('_', " ");
    let (first, rest) = text.split_at(text.len().min(1));
    first.to_uppercase() + rest
}

fn class(status: Status) -> &'static str {
    match status {
        Status::Proven => "good",
        Status::Partly | Status::HarnessOnly | Status::Inconclusive => "warn",
        Status::Missed => "bad",
        Status::NeedsTelemetry | Status::NeverExercised => "dim",
    }
}

fn shown(text: &str) -> String {
    let short: String = text.chars().take(LONG).collect();
    let more = if short.len() < text.len() { "…" } else { "" };
    // what is no character of a document is shown as what it is not
    let clean: String = short.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    escaped(&clean) + more
}

fn badges(page: &mut String, matrix: &Matrix) {
    let totals = &matrix.totals;
    push(page, "<ul class=\"badges\">");
    let all = [
        ("variants", format!("{} of {} did what they are there for", totals.variants_ready, totals.variants)),
        ("found", format!("{} by a rule of their technique", totals.variants_found)),
        ("false positives", format!("{} rules fire on a twin", totals.false_positive)),
        ("never exercised", totals.never_exercised.to_string()),
        ("need telemetry", totals.needs_telemetry.to_string()),
        ("not loaded", totals.not_loaded.to_string()),
    ];
    for (name, value) in all {
        push(page, &format!("<li class=\"badge\"><b>{name}</b> {}</li>", escaped(&value)));
    }
    if matrix.interrupted {
        push(page, "<li class=\"badge warn\">interrupted: not everything was executed</li>");
    }
    push(page, "</ul>\n");
}

fn section(page: &mut String, matrix: &Matrix, status: Status) {
    if rules(matrix, status).next().is_none() {
        return;
    }
    push(page, &format!("<section id=\"{}\"><h2>{}</h2>\n", status.name(), words(status.name())));
    for rule in rules(matrix, status) {
        let level = rule.level.as_deref().unwrap_or("no level");
        let fires = if rule.false_positives.is_empty() {
            ""
        } else {
            "<span class=\"tag bad\">false positive</span>"
        };
        let techniques = rule.techniques.join(" ");
        push(
            page,
            &format!(
                "<details><summary><span class=\"tag {}\">{}</span>{fires}<b>{}</b> \
                 <span class=\"mono dim\">{}</span> <span class=\"dim\">{}</span></summary>\n\
                 <p class=\"wrap\">{}</p>\n<p class=\"proof wrap\"><code>{}</code></p>\n",
                class(status),
                words(status.name()).to_lowercase(),
                shown(&rule.title),
                shown(&techniques),
                shown(level),
                shown(&rule.sentence),
                shown(&rule.file),
            ),
        );
        hits(page, "Proven by", &rule.proven);
        misses(page, &rule.missed);
        hits(page, "False positive on the twin of", &rule.false_positives);
        hits(page, "Also matches, of other techniques", &rule.elsewhere);
        if !rule.open.is_empty() {
            push(page, "<h3>Nothing follows from</h3><ul class=\"said\">");
            for open in &rule.open {
                let reason = open.reason.replace('_', " ");
                push(
                    page,
                    &format!(
                        "<li><code>{}</code> <span class=\"tag warn\">{}</span> {}</li>",
                        shown(&open.variant),
                        shown(&reason),
                        shown(&open.sentence)
                    ),
                );
            }
            push(page, "</ul>\n");
        }
        push(page, "</details>\n");
    }
    push(page, "</section>\n");
}

fn events(events: &[u64]) -> String {
    let shown: Vec<String> = events.iter().take(5).map(|event| format!("#{event}")).collect();
    shown.join(" ")
}

fn hits(page: &mut String, title: &str, hits: &[Hit]) {
    if hits.is_empty() {
        return;
    }
    push(
        page,
        &format!(
            "<h3>{title}</h3><div class=\"scroll\"><table><tr><th>Variant</th><th>Run</th><th>Events</th><th>Fields</th></tr>\n"
        ),
    );
    for hit in hits {
        let mut fields = String::new();
        for (name, value) in &hit.fields {
            let _ = write!(fields, "<code>{}</code> = <code>{}</code><br/>", shown(name), shown(value));
        }
        push(
            page,
            &format!(
                "<tr><td>{}</td><td><code>{}</code></td><td>{}</td><td class=\"wrap\">{fields}</td></tr>\n",
                shown(&hit.variant),
                shown(&hit.run),
                events(&hit.events)
            ),
        );
    }
    push(page, "</table></div>\n");
}

fn misses(page: &mut String, misses: &[Miss]) {
    if misses.is_empty() {
        return;
    }
    push(page, "<h3>Missed</h3><ul class=\"said\">");
    for miss in misses {
        push(page, &format!("<li><p><code>{}</code> {}</p>", shown(&miss.variant), shown(&miss.sentence)));
        if !miss.conditions.is_empty() {
            push(
                page,
                "<div class=\"scroll\"><table><tr><th>Condition</th><th>Wanted</th><th>Here</th><th>Where it is proven</th></tr>",
            );
            miss.conditions.iter().for_each(|condition| row(page, condition));
            push(page, "</table></div>");
        }
        if let Some(contrast) = &miss.contrast {
            push(
                page,
                &format!(
                    "<p class=\"proof\">against <code>{}</code> {}: {} operations only there, {} only here; <code>detektr diff {} {}</code></p>",
                    shown(&contrast.variant),
                    events(&contrast.events),
                    contrast.only_there,
                    contrast.only_here,
                    shown(&contrast.run),
                    shown(&miss.run)
                ),
            );
        }
        push(page, "</li>");
    }
    push(page, "</ul>\n");
}

fn row(page: &mut String, condition: &Condition) {
    let value = |value: &Option<String>| value.as_deref().map_or("—".into(), shown);
    let not = if condition.excluded { "not " } else { "" };
    push(
        page,
        &format!(
            "<tr><td><code>{}.{}</code></td><td class=\"wrap\">{not}<code>{}</code></td><td class=\"wrap\">{}</td><td class=\"wrap\">{}</td></tr>",
            shown(&condition.selection),
            shown(&condition.field),
            shown(&condition.wanted),
            value(&condition.here),
            value(&condition.there)
        ),
    );
}

fn state(state: State) -> &'static str {
    if state == State::Ready { "good" } else { "warn" }
}

fn twins(page: &mut String, matrix: &Matrix) {
    push(
        page,
        "<section id=\"twins\"><h2>Twins</h2><div class=\"scroll\"><table><tr><th>Twin of</th><th>State</th><th>Run</th><th>Rules that fire on it</th></tr>\n",
    );
    for twin in &matrix.twins {
        push(
            page,
            &format!(
                "<tr><td>{}</td><td><span class=\"tag {}\">{}</span>{}</td><td><code>{}</code></td><td class=\"wrap\">{}</td></tr>\n",
                shown(&twin.id),
                state(twin.state),
                twin.state.name(),
                shown(&twin.why),
                shown(twin.run.as_deref().unwrap_or("")),
                shown(&twin.fired.join("; "))
            ),
        );
    }
    push(page, "</table></div></section>\n");
}

fn variants(page: &mut String, matrix: &Matrix) {
    push(
        page,
        "<section id=\"variants\"><h2>Variants</h2><div class=\"scroll\"><table><tr><th>Variant</th><th>Technique</th><th>State</th><th>Run</th><th>Found by rules of its technique</th></tr>\n",
    );
    for variant in &matrix.variants {
        push(
            page,
            &format!(
                "<tr><td>{}</td><td>{}</td><td><span class=\"tag {}\">{}</span>{}</td><td><code>{}</code></td><td class=\"wrap\">{}</td></tr>\n",
                shown(&variant.id),
                shown(&variant.technique),
                state(variant.state),
                variant.state.name(),
                shown(&variant.why),
                shown(variant.run.as_deref().unwrap_or("")),
                shown(&variant.found_by.join("; "))
            ),
        );
    }
    push(page, "</table></div></section>\n");
}

fn not_loaded(page: &mut String, matrix: &Matrix) {
    if matrix.not_loaded.is_empty() {
        return;
    }
    push(page, "<section id=\"not-loaded\"><h2>Not loaded</h2><ul class=\"said\">");
    for one in &matrix.not_loaded {
        push(page, &format!("<li><code>{}</code> {}</li>", shown(&one.file), shown(&one.what)));
    }
    push(page, "</ul></section>\n");
}
