//! From the text of a condition to an expression in which every fact is a variable.

use super::fact::{Fact, FactName, is_technique};
use cel::common::ast::{Expr, IdedExpr, LiteralValue, SourceInfo};
use cel::parser::Parser;
use detektr_detect::Behaviours;
use detektr_evidence::persistence::Mechanism;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

/// What is wrong with a condition, where in its text, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct ConditionError {
    /// Where, in bytes of the text.
    pub span: Range<usize>,
    /// What is wrong.
    pub what: String,
    /// What to write instead.
    pub help: String,
}

/// The variable that stands for a fact.
pub(super) fn variable(at: usize) -> String {
    format!("fact_{at}")
}

pub(super) fn parse(text: &str) -> Result<(IdedExpr, Vec<Fact>), ConditionError> {
    let parsed = Parser::new().parse_with_source_info(text);
    let (mut expression, source) = parsed.map_err(|errors| syntax(text, &errors))?;
    let mut walker = Walker { text, source, facts: Vec::new() };
    walker.walk(&mut expression)?;
    Ok((expression, walker.facts))
}

fn syntax(text: &str, errors: &cel::ParseErrors) -> ConditionError {
    let first = errors.errors.first();
    let at = first.map_or(0, |error| {
        let line = usize::try_from(error.pos.0).unwrap_or(1).saturating_sub(1);
        let column = usize::try_from(error.pos.1).unwrap_or(1).saturating_sub(1);
        text.split_inclusive('\n').take(line).map(str::len).sum::<usize>() + column
    });
    let at = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let what =
        first.map_or_else(String::new, |error| error.msg.lines().next().unwrap_or_default().to_owned());
    ConditionError {
        span: at..at,
        what: format!("this is no condition: {what}"),
        help: "write facts joined by &&, || and !, as in created('/a') && !ran('/b')".into(),
    }
}

struct Walker<'t> {
    text: &'t str,
    source: SourceInfo,
    facts: Vec<Fact>,
}

impl Walker<'_> {
    fn walk(&mut self, node: &mut IdedExpr) -> Result<(), ConditionError> {
        let id = node.id;
        match &mut node.expr {
            Expr::Ident(name) if name == "executed" => {
                let fact = Fact { name: FactName::Executed, args: Vec::new() };
                node.expr = Expr::Ident(self.variable_of(fact));
            }
            Expr::Ident(name) => {
                let name = name.clone();
                return Err(self.unknown(id, &name));
            }
            Expr::Call(call) if call.target.is_none() && FactName::from_name(&call.func_name).is_some() => {
                let name = FactName::from_name(&call.func_name).expect("just asked");
                let args = call.args.clone();
                let fact = self.fact(id, name, &args)?;
                node.expr = Expr::Ident(self.variable_of(fact));
            }
            Expr::Call(call) => {
                let operator = call.func_name.starts_with(|c: char| !c.is_ascii_alphabetic())
                    || cel::common::ast::operators::find_operator(&call.func_name).is_some();
                if !operator || call.target.is_some() {
                    let name = call.func_name.clone();
                    return Err(self.unknown(id, &name));
                }
                for arg in &mut call.args {
                    self.walk(arg)?;
                }
            }
            Expr::Literal(_) => {}
            Expr::List(list) => {
                for element in &mut list.elements {
                    self.walk(element)?;
                }
            }
            _ => {
                return Err(self.error(
                    id,
                    "only facts, truth values and operators have a place here",
                    "write facts joined by &&, || and !",
                ));
            }
        }
        Ok(())
    }

    /// Facts that are asked twice are one variable.
    fn variable_of(&mut self, fact: Fact) -> String {
        let at = self.facts.iter().position(|known| *known == fact).unwrap_or_else(|| {
            self.facts.push(fact);
            self.facts.len() - 1
        });
        variable(at)
    }

    fn fact(&self, id: u64, name: FactName, args: &[IdedExpr]) -> Result<Fact, ConditionError> {
        let mut words = Vec::new();
        for arg in args {
            words.push(match &arg.expr {
                Expr::Literal(LiteralValue::String(text)) => text.inner().to_owned(),
                Expr::Literal(LiteralValue::Int(number)) => number.inner().to_string(),
                Expr::Literal(LiteralValue::UInt(number)) => number.inner().to_string(),
                _ => {
                    let what = format!("what `{}` asks about must be written out", name.name());
                    return Err(self.error(arg.id, &what, "write a text in quotes, or a number"));
                }
            });
        }
        let number = |text: &str| text.parse::<u32>().is_ok();
        let (fits, usage) = match name {
            _ if name.takes_path() => {
                if let [path] = words.as_slice()
                    && !path.starts_with('/')
                {
                    let what = format!("the path `{path}` is relative");
                    return Err(self.error(id, &what, "write it from the root, as in '/etc/passwd'"));
                }
                (words.len() == 1, "one path, with * and ** where wanted")
            }
            FactName::Connected => {
                if let Some(name) = words.first().filter(|word| !is_address(word)) {
                    let what = format!(
                        "`{name}` is no address, and what name a connection was made for can't be told"
                    );
                    return Err(self.error(
                        id,
                        &what,
                        "write the address, as in '192.0.2.1:443'; a site file says which a name has",
                    ));
                }
                let fits = match words.as_slice() {
                    [_] => true,
                    [_, port] => port.parse::<u16>().is_ok(),
                    _ => false,
                };
                (fits, "an address, as in '192.0.2.1:443', or an address and a port")
            }
            FactName::UidGained => {
                (words.len() <= 1 && words.iter().all(|w| number(w)), "a user id, or nothing")
            }
            FactName::Executed => (words.is_empty(), "nothing"),
            FactName::Behaviour => {
                if let [wanted] = words.as_slice() {
                    self.behaviour(id, wanted)?;
                }
                (words.len() == 1, "the id of one behaviour, as in 'cron-job'")
            }
            FactName::Exfiltrated => {
                (words.len() <= 1, "the name of a bait, with * where wanted, or nothing")
            }
            FactName::Persists => {
                if let [what] = words.as_slice() {
                    self.persistence(id, what)?;
                }
                (words.len() <= 1, "a mechanism, a technique or a path, or nothing")
            }
            _ => (words.len() <= 1, "at most one word"),
        };
        if !fits {
            let what = format!("`{}` takes {usage}", name.name());
            return Err(self.error(id, &what, &format!("give it {usage}")));
        }
        Ok(Fact { name, args: words })
    }

    fn behaviour(&self, id: u64, wanted: &str) -> Result<(), ConditionError> {
        let shipped = Behaviours::shipped();
        let known: Vec<&str> = shipped.definitions().map(|one| one.id.as_str()).collect();
        if known.contains(&wanted) {
            return Ok(());
        }
        let what = format!("there is no behaviour `{wanted}`");
        let near = detektr_yaml::suggestion(wanted, &known);
        Err(self.error(id, &what, &near))
    }

    fn persistence(&self, id: u64, what: &str) -> Result<(), ConditionError> {
        let known: Vec<&str> = Mechanism::ALL.iter().map(|mechanism| mechanism.name()).collect();
        let technique = |known: &Mechanism| is_technique(what, known.technique());
        if what.starts_with('/') || known.contains(&what) || Mechanism::ALL.iter().any(technique) {
            return Ok(());
        }
        let near = detektr_yaml::suggestion(what, &known);
        Err(self.error(id, &format!("there is no way to persist named `{what}`"), &near))
    }

    fn unknown(&self, id: u64, name: &str) -> ConditionError {
        let known: Vec<&str> = FactName::ALL.iter().map(|(name, _)| *name).collect();
        self.error(id, &format!("there is no fact `{name}`"), &detektr_yaml::suggestion(name, &known))
    }

    fn error(&self, id: u64, what: &str, help: &str) -> ConditionError {
        let (start, stop) = self.source.offset_for(id).unwrap_or((0, self.text.len() as u32));
        let end = (stop as usize).max(start as usize + 1).min(self.text.len());
        let span = whole_call(self.text, (start as usize).min(end)..end);
        let span = if self.text.get(span.clone()).is_some() { span } else { 0..self.text.len() };
        ConditionError { span, what: what.into(), help: help.into() }
    }
}

/// CEL places a call at its opening parenthesis: the name before and all up to the closing one belong to it.
fn whole_call(text: &str, span: Range<usize>) -> Range<usize> {
    let bytes = text.as_bytes();
    if bytes.get(span.start) != Some(&b'(') {
        return span;
    }
    let named = |b: &&u8| b.is_ascii_alphanumeric() || **b == b'_';
    let start = span.start - bytes[..span.start].iter().rev().take_while(named).count();
    let end = text[span.start..].find(')').map_or(span.end, |closing| span.start + closing + 1);
    start..end
}

/// Whether a connection can be told by it: an IP address, with a port or without, or the path of a Unix socket.
fn is_address(word: &str) -> bool {
    let host = word.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(word);
    word.contains('/')
        || word.starts_with('@')
        || word.parse::<SocketAddr>().is_ok()
        || host.parse::<IpAddr>().is_ok()
}
