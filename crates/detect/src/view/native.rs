//! Events in Detektr's own taxonomy: fields are named by their paths in the event's JSON, and a few are joined to them.
//!
//! A path in a mount namespace or root that the artifact made itself is not told: it is none of the environment's.

use detektr_event::{Access, Copied, Detail, Event, FilePath};
use rsigma_eval::EventValue;
use serde_json::Value;
use std::borrow::Cow;
use std::cell::OnceCell;
use std::rc::Rc;

/// What is known of a process beside what its events tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) command_line: Option<Rc<str>>,
    pub(crate) parent_exe: Option<Rc<str>>,
    pub(crate) parent_command_line: Option<Rc<str>>,
}

/// One event of one category.
pub(crate) struct Native<'a> {
    event: &'a Event,
    known: Option<&'a Known>,
    /// What `path` means, in the categories that have it.
    path: Option<&'a FilePath>,
    json: OnceCell<Value>,
}

/// Families of kinds, as categories.
const FAMILIES: [&str; 6] = ["process", "file", "network", "kernel", "log", "bait"];
/// Categories of several kinds whose `path` is what the act reads, makes or takes away.
const DERIVED: [&str; 3] = ["file.read", "file.changed", "file.removed"];

/// Whether rules can be of that category.
pub(crate) fn is_category(name: &str) -> bool {
    FAMILIES.contains(&name) || DERIVED.contains(&name) || detektr_event::Kind::from_name(name).is_some()
}

/// The kinds of event of a category.
pub(crate) fn kinds(category: &str) -> impl Iterator<Item = &'static str> {
    let category = category.to_owned();
    detektr_event::Kind::ALL.iter().map(|kind| kind.name()).filter(move |kind| match &*category {
        "file.read" => ["file.open", "kernel.io_uring"].contains(kind),
        "file.changed" => [
            "file.open",
            "file.create",
            "file.truncate",
            "file.link",
            "file.symlink",
            "file.rename",
            "kernel.io_uring",
        ]
        .contains(kind),
        "file.removed" => ["file.unlink", "file.rename", "kernel.io_uring"].contains(kind),
        category => *kind == category || kind.split('.').next() == Some(category),
    })
}

/// Whether `field` is one that the view joins to the events of a category ([`Native`]'s `get_field`).
pub(crate) fn joined(category: &str, field: &str) -> bool {
    let any = |wanted: &[&str]| kinds(category).any(|kind| wanted.contains(&kind));
    match field {
        "kind"
        | "process.name"
        | "process.command_line"
        | "parent.exe"
        | "parent.name"
        | "parent.command_line" => true,
        "path" | "path.other_process" => DERIVED.contains(&category),
        "exec.name" | "exec.command_line" => any(&["process.exec"]),
        "file.mode_octal" => any(&["file.chmod", "file.mknod"]),
        "file.type" => any(&["file.mknod"]),
        _ => false,
    }
}

/// The categories that an event is of, each with what `path` means there.
pub(crate) fn categories(event: &Event) -> Vec<(&'static str, Option<&FilePath>)> {
    let kind = event.kind().name();
    let family = kind.split('.').next().unwrap_or(kind);
    let mut all = vec![(kind, None), (family, None)];
    match &event.detail {
        Detail::FileOpen { file } => match file.access {
            Access::Read => all.push(("file.read", Some(&file.path))),
            Access::Write => all.push(("file.changed", Some(&file.path))),
            Access::ReadWrite => {
                all.push(("file.read", Some(&file.path)));
                all.push(("file.changed", Some(&file.path)));
            }
            Access::Path => {}
        },
        Detail::FileCreate { file } => all.push(("file.changed", Some(&file.path))),
        Detail::FileTruncate { file } => all.push(("file.changed", Some(&file.path))),
        Detail::FileLink { file } | Detail::FileSymlink { file } => {
            all.push(("file.changed", Some(&file.path)));
        }
        Detail::FileRename { file } => {
            all.push(("file.changed", Some(&file.to)));
            all.push(("file.removed", Some(&file.path)));
        }
        Detail::FileUnlink { file } => all.push(("file.removed", Some(&file.path))),
        Detail::KernelIoUring { io_uring } => {
            let (file, to) = (io_uring.file.as_ref(), io_uring.to.as_ref());
            match io_uring.operation.as_str() {
                // what it was opened for is not told
                "IORING_OP_OPENAT" | "IORING_OP_OPENAT2" => all.push(("file.read", file)),
                "IORING_OP_RENAMEAT" => {
                    all.push(("file.changed", to));
                    all.push(("file.removed", file));
                }
                "IORING_OP_LINKAT" => all.push(("file.changed", to)),
                "IORING_OP_SYMLINKAT" => all.push(("file.changed", file)),
                "IORING_OP_UNLINKAT" => all.push(("file.removed", file)),
                _ => {}
            }
        }
        _ => {}
    }
    all
}

impl<'a> Native<'a> {
    pub(crate) fn new(event: &'a Event, known: Option<&'a Known>, path: Option<&'a FilePath>) -> Self {
        Native { event, known, path, json: OnceCell::new() }
    }

    /// A field for people.
    pub(crate) fn told(&self, field: &str) -> Option<String> {
        fn text(value: &EventValue<'_>) -> Option<String> {
            match value {
                EventValue::Array(all) => Some(all.iter().filter_map(text).collect::<Vec<_>>().join(" ")),
                other => other.as_str().map(Cow::into_owned),
            }
        }
        text(&rsigma_eval::Event::get_field(self, field)?)
    }

    fn json(&self) -> &Value {
        self.json.get_or_init(|| serde_json::to_value(self.event).unwrap_or(Value::Null))
    }
}

/// A path of the environment's own tree.
fn own(path: &FilePath) -> Option<EventValue<'_>> {
    path.path_root.is_none().then(|| text(&path.path)).flatten()
}

fn text(copied: &Copied) -> Option<EventValue<'_>> {
    copied.text().map(|text| EventValue::Str(text.lossy()))
}

/// The process of a path below `/proc`.
fn pid(path: &FilePath) -> Option<u32> {
    let EventValue::Str(path) = own(path)? else { return None };
    path.strip_prefix("/proc/")?.split('/').next()?.parse().ok()
}

fn words(all: &[Copied]) -> EventValue<'_> {
    EventValue::Array(all.iter().filter_map(text).collect())
}

fn shared(text: Option<&Rc<str>>) -> Option<EventValue<'_>> {
    text.map(|text| EventValue::Str(Cow::Borrowed(text)))
}

fn base(value: EventValue<'_>) -> Option<EventValue<'_>> {
    match value {
        EventValue::Str(Cow::Borrowed(path)) => {
            Some(EventValue::Str(Cow::Borrowed(path.rsplit('/').next().unwrap_or(path))))
        }
        other => {
            let path = other.as_str()?.into_owned();
            Some(EventValue::Str(Cow::Owned(path.rsplit('/').next().unwrap_or(&path).to_owned())))
        }
    }
}

/// What stands at `path` of the event's JSON. Text that is not whole, or not UTF-8, is told as far as it goes.
fn walk<'v>(mut value: &'v Value, path: &str) -> Option<EventValue<'v>> {
    for name in path.split('.') {
        value = value.get(name)?;
        if value.get("path_root").is_some() {
            return None;
        }
    }
    plain(value)
}

fn plain(value: &Value) -> Option<EventValue<'_>> {
    match value {
        Value::Null => None,
        Value::Array(all) => Some(EventValue::Array(all.iter().filter_map(plain).collect())),
        Value::Object(fields) if fields.contains_key("hex") || fields.contains_key("truncated") => {
            let copied: Copied = serde_json::from_value(value.clone()).ok()?;
            Some(EventValue::Str(Cow::Owned(copied.text()?.lossy().into_owned())))
        }
        Value::Object(_) => None,
        other => Some(EventValue::from(other)),
    }
}

impl rsigma_eval::Event for Native<'_> {
    fn get_field(&self, field: &str) -> Option<EventValue<'_>> {
        let process = self.event.process.as_ref();
        match field {
            "kind" => Some(EventValue::Str(Cow::Borrowed(self.event.kind().name()))),
            "path" => own(self.path?),
            "path.other_process" => {
                Some(EventValue::Bool(pid(self.path?)? != self.event.process.as_ref()?.pid))
            }
            "process.exe" => text(&process?.exe),
            "process.name" => base(text(&process?.exe)?),
            "process.command_line" => shared(self.known?.command_line.as_ref()),
            "parent.exe" => shared(self.known?.parent_exe.as_ref()),
            "parent.name" => base(shared(self.known?.parent_exe.as_ref())?),
            "parent.command_line" => shared(self.known?.parent_command_line.as_ref()),
            "outcome.errno" => self.event.outcome.errno.as_deref().map(|e| EventValue::Str(Cow::Borrowed(e))),
            _ => self.detail(field).unwrap_or_else(|| walk(self.json(), field)),
        }
    }

    fn any_string_value(&self, pred: &dyn Fn(&str) -> bool) -> bool {
        let mut all = Vec::new();
        strings(self.json(), &mut all);
        all.into_iter().any(pred)
    }

    fn all_string_values(&self) -> Vec<Cow<'_, str>> {
        let mut all = Vec::new();
        strings(self.json(), &mut all);
        all.into_iter().map(Cow::Borrowed).collect()
    }

    /// With the event's number as `_id`, by which correlations tell their events.
    fn to_json(&self) -> Value {
        let mut json = self.json().clone();
        if let Value::Object(fields) = &mut json {
            fields.insert("_id".into(), Value::from(self.event.seq));
        }
        json
    }
}

impl Native<'_> {
    /// Fields of the commonest kinds, without the detour over JSON; `None` for all others.
    fn detail(&self, field: &str) -> Option<Option<EventValue<'_>>> {
        let file = match &self.event.detail {
            Detail::FileOpen { file } => Some((&file.path, &file.flags[..])),
            Detail::FileCreate { file } => Some((&file.path, &file.flags[..])),
            Detail::FileWrite { file } => Some((&file.path, &[][..])),
            Detail::FileUnlink { file } => Some((&file.path, &[][..])),
            _ => None,
        };
        match (file, field) {
            (Some((path, _)), "file.path") => return Some(own(path)),
            (Some((path, _)), "file.given") => {
                return Some(
                    path.path_root.is_none().then_some(path.given.as_ref()).flatten().and_then(text),
                );
            }
            (Some((path, flags)), "file.flags") if path.path_root.is_none() => {
                let all = flags.iter().map(|flag| EventValue::Str(Cow::Borrowed(flag))).collect();
                return Some(Some(EventValue::Array(all)));
            }
            _ => {}
        }
        Some(match (&self.event.detail, field) {
            (Detail::FileChmod { file } | Detail::FileMknod { file }, "file.mode_octal") => {
                file.mode.map(|mode| EventValue::Str(Cow::Owned(format!("{:04o}", mode & 0o7777))))
            }
            (Detail::FileMknod { file }, "file.type") => {
                let kind = match file.mode.unwrap_or(0) & 0o170_000 {
                    0o020_000 => "character",
                    0o060_000 => "block",
                    0o010_000 => "fifo",
                    0o140_000 => "socket",
                    _ => "file",
                };
                Some(EventValue::Str(Cow::Borrowed(kind)))
            }
            (Detail::ProcessExec { exec }, "exec.file.path") => own(&exec.file),
            (Detail::ProcessExec { exec }, "exec.name") => own(&exec.file).and_then(base),
            (Detail::ProcessExec { exec }, "exec.argv") => Some(words(&exec.argv)),
            (Detail::ProcessExec { exec }, "exec.stdio.0") => exec.stdio[0].as_ref().and_then(text),
            (Detail::ProcessExec { exec }, "exec.env") => Some(words(&exec.env)),
            (Detail::ProcessExec { exec }, "exec.command_line") => {
                let line = exec.argv.iter().map(|word| word.lossy().into_owned()).collect::<Vec<_>>();
                Some(EventValue::Str(Cow::Owned(line.join(" "))))
            }
            _ => return None,
        })
    }
}

fn strings<'v>(value: &'v Value, all: &mut Vec<&'v str>) {
    match value {
        Value::String(text) => all.push(text),
        Value::Array(items) => items.iter().for_each(|item| strings(item, all)),
        Value::Object(fields) => fields.values().for_each(|item| strings(item, all)),
        _ => {}
    }
}
