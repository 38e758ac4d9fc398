//! Which rules a record is shown to, and which of them it can tell something new.

use crate::rules::{Asked, is_restless};
use crate::trace;
use crate::view::{Field, Source, View};
use rsigma_eval::{CompiledRule, Engine, EvaluationResult, explain_rule};
use std::collections::{HashMap, HashSet};

/// Bytes of values that are remembered, for each set of fields that rules ask for.
const REMEMBERED: usize = 16 << 20;

/// How many records each set of rules is explained on merely to find out how near they came.
const EXPLAINED: usize = 500;

/// The rules that a source is shown to.
pub(crate) struct Served {
    pub(crate) source: Source,
    /// Their places, and what they ask.
    rules: Vec<(usize, Asked)>,
    /// Those of them that can match at all, by what tells records of the source apart.
    shapes: HashMap<Vec<u8>, [Fitting; 3]>,
    shape: Vec<u8>,
}

/// What a record leads to.
#[derive(Default)]
pub(crate) struct Told {
    /// Rules that match, as the engine sees it.
    pub(crate) matches: Vec<EvaluationResult>,
    /// Places of rules to look into: they may say of this record what they did not say before.
    pub(crate) news: Vec<usize>,
}

impl Served {
    /// `asked` tells of each of `rules` what it asks for.
    pub(crate) fn new(source: Source, rules: &[CompiledRule], asked: &HashMap<&str, Asked>) -> Self {
        let serving = rules.iter().enumerate().filter(|(_, rule)| source.serves(&rule.logsource));
        let known = serving.filter_map(|(at, rule)| Some((at, asked.get(rule.id.as_deref()?)?.clone())));
        Served { source, rules: known.collect(), shapes: HashMap::new(), shape: Vec::new() }
    }

    /// Shows `view` to the rules. One that is `telling` is looked into by all of them.
    pub(crate) fn show(&mut self, view: &View, telling: bool, rules: &[CompiledRule]) -> Told {
        let mut told = Told::default();
        if self.rules.is_empty() {
            return told;
        }
        self.shape.clear();
        self.source.telling().iter().for_each(|field| write_field(view, field, &mut self.shape));
        if !self.shapes.contains_key(&self.shape) {
            let bare = view.bare();
            let (possible, settled): (Vec<_>, Vec<_>) = self.rules.iter().partition(|(at, asked)| {
                asked.anything
                    || trace::verdict(&explain_rule(&rules[*at], &bare), &bare).matched != Some(false)
            });
            // how near the others come is much the same for all records of the shape
            told.news.extend(settled.into_iter().map(|(at, _)| at));
            let fitting = [Way::Fields, Way::Words, Way::Restless].map(|way| {
                let own = possible.iter().filter(|(_, asked)| Way::of(asked) == way);
                Fitting::new(self.source, rules, own.copied())
            });
            self.shapes.insert(self.shape.clone(), fitting);
        }
        let fitting = self.shapes.get_mut(&self.shape).into_iter().flatten();
        fitting.for_each(|fitting| fitting.show(view, &mut told));
        if telling {
            told.news = self.rules.iter().map(|(at, _)| *at).collect();
        }
        told
    }
}

/// The way in which a rule asks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// By fields: records that are alike in them are the same to it.
    Fields,
    /// It also looks for words, and none is found in a number.
    Words,
    /// No two records are the same to it.
    Restless,
}

impl Way {
    fn of(asked: &Asked) -> Way {
        match asked {
            Asked { anything: true, .. } | Asked { restless: true, .. } => Way::Restless,
            Asked { words: true, .. } => Way::Words,
            _ => Way::Fields,
        }
    }
}

/// Rules that are shown the same records.
struct Fitting {
    engine: Engine,
    groups: Vec<Group>,
    /// All that they ask for.
    asked: Asked,
    /// Values of those fields of which all is known: nothing matches.
    quiet: Remembered,
    key: Vec<u8>,
}

impl Fitting {
    fn new<'a>(
        source: Source,
        rules: &[CompiledRule],
        fitting: impl Iterator<Item = &'a (usize, Asked)>,
    ) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        let mut own = Vec::new();
        let mut all = Asked::default();
        for (at, asked) in fitting {
            all.extend(asked);
            own.push(rules[*at].clone());
            match groups.iter_mut().find(|group| group.asked == *asked) {
                Some(group) => group.rules.push(*at),
                None => groups.push(Group::new(source, *at, asked)),
            }
        }
        let mut engine = Engine::new();
        engine.extend_compiled_rules(own);
        Fitting { engine, groups, asked: all, quiet: Remembered::default(), key: Vec::new() }
    }

    fn show(&mut self, view: &View, told: &mut Told) {
        if self.groups.is_empty() {
            return;
        }
        let plain = self.asked.is_plain();
        if plain {
            write(view, &self.asked, &mut self.key);
            if self.quiet.has(&self.key) {
                return;
            }
        }
        let matches = self.engine.evaluate(view);
        if plain && matches.is_empty() {
            self.quiet.add(&self.key);
        }
        told.matches.extend(matches);
        let news = self
            .groups
            .iter_mut()
            .filter_map(|group| group.is_worth_explaining(view).then_some(&group.rules));
        told.news.extend(news.flatten());
    }
}

/// Rules that ask for the same fields: what they say of a record is known where the same values were seen before.
struct Group {
    asked: Asked,
    /// The source has not every field that is asked for.
    lacks: bool,
    rules: Vec<usize>,
    seen: Remembered,
    /// Where combinations of values are put together.
    key: Vec<u8>,
    /// Records that its rules may still be explained on.
    budget: usize,
}

impl Group {
    fn new(source: Source, rule: usize, asked: &Asked) -> Self {
        Group {
            asked: asked.clone(),
            lacks: asked.fields.iter().any(|field| !source.has(field)),
            rules: vec![rule],
            seen: Remembered::default(),
            key: Vec::new(),
            budget: EXPLAINED,
        }
    }

    /// Whether to look into what its rules say of `view`: what can't be told must always be found out; how near a
    /// rule came only as long as that is cheap.
    fn is_worth_explaining(&mut self, view: &View) -> bool {
        if (self.budget == 0 && !self.is_untold(view)) || !self.is_news(view) {
            return false;
        }
        self.budget = self.budget.saturating_sub(1);
        true
    }

    /// Whether its rules can say of `view` what they did not say before.
    fn is_news(&mut self, view: &View) -> bool {
        if !self.asked.is_plain() {
            return true;
        }
        write(view, &self.asked, &mut self.key);
        if self.seen.has(&self.key) {
            return false;
        }
        self.seen.add(&self.key);
        true
    }

    /// Whether `view` can't tell something that its rules ask. Words are looked for in what it tells.
    fn is_untold(&self, view: &View) -> bool {
        self.asked.anything
            || self.lacks
            || view.unknown.iter().any(|field| self.asked.fields.contains(*field))
    }
}

/// Combinations of values, within a bound.
#[derive(Default)]
struct Remembered {
    keys: HashSet<Box<[u8]>>,
    bytes: usize,
}

impl Remembered {
    fn has(&self, key: &[u8]) -> bool {
        self.keys.contains(key)
    }

    fn add(&mut self, key: &[u8]) {
        if self.bytes < REMEMBERED && self.keys.insert(key.into()) {
            self.bytes += key.len();
        }
    }
}

/// Writes what decides the answer of a rule that asks `asked`: two records that are written alike have the same answer.
fn write(view: &View, asked: &Asked, key: &mut Vec<u8>) {
    key.clear();
    asked.fields.iter().for_each(|field| write_field(view, field, key));
    if asked.words {
        let texts = view.fields.iter().filter_map(|(_, value)| match value {
            Field::Text(text) if !is_restless(text) => Some(text),
            _ => None,
        });
        texts.for_each(|text| write_text(text, key));
    }
}

/// Another value, none, and one that can't be told, are written otherwise.
fn write_field(view: &View, field: &str, key: &mut Vec<u8>) {
    match view.get(field) {
        Some(Field::Text(text)) => write_text(text, key),
        Some(Field::Number(number)) => {
            key.push(0xfe);
            key.extend_from_slice(&number.to_le_bytes());
        }
        Some(Field::Truth(truth)) => key.push(if *truth { 0xfd } else { 0xfc }),
        None => key.push(if view.tells(field) { 0xfb } else { 0xfa }),
    }
}

fn write_text(text: &str, key: &mut Vec<u8>) {
    key.extend_from_slice(text.as_bytes());
    // no UTF-8 has a byte above 0xf4
    key.push(0xff);
}
