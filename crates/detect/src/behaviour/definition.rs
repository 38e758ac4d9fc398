//! What a behaviour is, whether a rule or code finds it.

use crate::attack;
use crate::behaviour::finding::{AttackName, Confidence, Level};

/// What a behaviour is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Its stable id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// One sentence, with fields in braces: `{process.name} reads {path}`.
    pub sentence: String,
    /// How much it matters.
    pub level: Level,
    /// How sure it is.
    pub confidence: Confidence,
    /// The tactic.
    pub tactic: Option<AttackName>,
    /// The techniques.
    pub techniques: Vec<AttackName>,
    /// Where it is defined: a rule's file, or `code`.
    pub source: String,
}

/// A behaviour that code finds.
pub(crate) struct Coded {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) sentence: &'static str,
    pub(crate) level: Level,
    pub(crate) confidence: Confidence,
    /// As Sigma tags: `attack.stealth`, `attack.t1070.004`.
    pub(crate) tags: &'static [&'static str],
}

impl Coded {
    pub(crate) fn definition(&self) -> Definition {
        let (tactic, techniques) = attacks(self.tags);
        Definition {
            id: self.id.into(),
            title: self.title.into(),
            sentence: self.sentence.into(),
            level: self.level,
            confidence: self.confidence,
            tactic,
            techniques,
            source: "code".into(),
        }
    }
}

/// The tactic and the techniques that Sigma tags name. Ids that ATT&CK revoked become those that replaced them.
pub(crate) fn attacks<T: AsRef<str>>(tags: &[T]) -> (Option<AttackName>, Vec<AttackName>) {
    let mut tactic = None;
    let mut techniques: Vec<AttackName> = Vec::new();
    for tag in tags {
        let Some(name) = tag.as_ref().strip_prefix("attack.") else { continue };
        if let Some(known) = attack::tactic(name) {
            tactic.get_or_insert(AttackName { id: known.id.into(), name: Some(known.name.into()) });
        } else if name.starts_with(['t', 'T']) && name[1..].starts_with(|c: char| c.is_ascii_digit()) {
            let id = attack::current(&name.to_ascii_uppercase()).to_owned();
            let name = attack::technique(&id).map(|known| known.name.to_owned());
            if techniques.iter().all(|known| known.id != id) {
                techniques.push(AttackName { id, name });
            }
        }
    }
    (tactic, techniques)
}

/// The fields that a sentence names, in their order.
pub(crate) fn fields(sentence: &str) -> Vec<String> {
    let mut fields = Vec::new();
    let mut rest = sentence;
    while let Some((_, after)) = rest.split_once('{') {
        let Some((field, after)) = after.split_once('}') else { break };
        fields.push(field.to_owned());
        rest = after;
    }
    fields
}
