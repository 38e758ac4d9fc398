//! A process that asks to be traced without ever becoming what its parent wants to trace.

use super::definition::Coded;
use super::{Collector, Confidence, Images, Level, Watch};
use detektr_event::{Detail, Event};
use std::collections::HashMap;

pub(super) const CODED: &[Coded] = &[Coded {
    id: "debugger-check",
    title: "Checked for a debugger by tracing itself",
    sentence: "{process.name} asks to be traced and then executes nothing: so it learns whether a debugger is there.",
    level: Level::Medium,
    confidence: Confidence::High,
    tags: &["attack.stealth", "attack.t1622"],
}];

#[derive(Default)]
pub(super) struct TracedItself {
    asked: HashMap<String, Event>,
}

impl Watch for TracedItself {
    fn event(&mut self, event: &Event, _: &Images, found: &mut Collector<'_>) {
        let Some(process) = &event.process else { return };
        match &event.detail {
            Detail::ProcessPtrace { ptrace } if ptrace.request == "PTRACE_TRACEME" => {
                self.asked.insert(process.id.process().to_owned(), event.clone());
            }
            Detail::ProcessExec { .. } if event.outcome.is_success() => {
                self.asked.remove(process.id.process());
            }
            Detail::ProcessExit { exit } if !exit.thread => {
                if let Some(asked) = self.asked.remove(process.id.process()) {
                    found.saw("debugger-check", &asked, &[], &[]);
                }
            }
            _ => {}
        }
    }
}
