//! Conditions over facts: CEL expressions in which the only things to ask about are named facts, each true, false or
//! unknown. What is unknown decides only where it matters.

mod fact;
mod parse;

pub(crate) use fact::is_technique;
pub use fact::{Fact, FactName};
pub use parse::ConditionError;

use crate::truth::Truth;
use cel::common::ast::{Expr, IdedExpr};
use cel::{Context, Value};

/// Most facts that may be unknown at once; with more, nothing is decided.
const UNKNOWNS: usize = 12;

/// A condition over facts.
#[derive(Clone, Debug)]
pub struct Condition {
    /// The expression, each fact in it a variable.
    expression: IdedExpr,
    facts: Vec<Fact>,
}

impl Condition {
    /// Reads `text`.
    ///
    /// # Errors
    /// Where it is no CEL, asks about anything but facts, or is not a truth value.
    pub fn parse(text: &str) -> Result<Self, ConditionError> {
        let (expression, facts) = parse::parse(text)?;
        let condition = Condition { expression, facts };
        // every fact has a value now, so that what can't be evaluated can't be written
        for value in [false, true] {
            condition.with(&vec![value; condition.facts.len()]).map_err(|what| ConditionError {
                span: 0..text.len(),
                what,
                help: "write a condition that is true or false, as in created('/a') && !removed('/a')".into(),
            })?;
        }
        Ok(condition)
    }

    /// The condition that the artifact's own code ran.
    pub fn executed() -> Self {
        let expr = Expr::Ident(parse::variable(0));
        Condition {
            expression: IdedExpr { id: 1, expr },
            facts: vec![Fact { name: FactName::Executed, args: Vec::new() }],
        }
    }

    /// The facts that it asks about, in the order of the text.
    pub fn facts(&self) -> &[Fact] {
        &self.facts
    }

    /// Whether it asks about facts of that name.
    pub fn asks_for(&self, name: FactName) -> bool {
        self.facts.iter().any(|fact| fact.name == name)
    }

    /// What the facts make of it. A fact that is unknown leaves the whole unknown only if it could change it.
    pub fn evaluate(&self, ask: &mut dyn FnMut(&Fact) -> Truth) -> Truth {
        let truths: Vec<Truth> = self.facts.iter().map(ask).collect();
        let unknown: Vec<usize> = (0..truths.len()).filter(|at| truths[*at] == Truth::Unknown).collect();
        if unknown.len() > UNKNOWNS {
            return Truth::Unknown;
        }
        let mut values: Vec<bool> = truths.iter().map(|truth| *truth == Truth::Yes).collect();
        let mut answer = None;
        for case in 0u32..1 << unknown.len() {
            for (bit, at) in unknown.iter().enumerate() {
                values[*at] = case >> bit & 1 == 1;
            }
            let Ok(value) = self.with(&values) else { return Truth::Unknown };
            match answer {
                None => answer = Some(value),
                Some(before) if before != value => return Truth::Unknown,
                Some(_) => {}
            }
        }
        answer.map_or(Truth::Unknown, Truth::from)
    }

    fn with(&self, values: &[bool]) -> Result<bool, String> {
        let mut context = Context::default();
        for (at, value) in values.iter().enumerate() {
            context.add_variable_from_value(parse::variable(at), *value);
        }
        match context.resolve(&self.expression) {
            Ok(Value::Bool(value)) => Ok(value),
            Ok(other) => Err(format!("it is {}, where true or false belongs", other.type_of())),
            Err(error) => Err(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ask(condition: &str, truths: &[(&str, Truth)]) -> Truth {
        Condition::parse(condition).unwrap().evaluate(&mut |fact| {
            truths.iter().find(|(text, _)| *text == fact.to_string()).map_or(Truth::No, |(_, truth)| *truth)
        })
    }

    #[test]
    fn an_unknown_fact_decides_only_where_it_matters() {
        let unknown = [("created('/a')", Truth::Unknown), ("ran('/b')", Truth::Yes)];
        assert_eq!(ask("created('/a') || ran('/b')", &unknown), Truth::Yes);
        assert_eq!(ask("created('/a') && ran('/b')", &unknown), Truth::Unknown);
        assert_eq!(ask("created('/a') || !created('/a')", &unknown), Truth::Yes);
        assert_eq!(ask("created('/a') && removed('/c')", &unknown), Truth::No);
        assert_eq!(ask("ran('/b') ? removed('/c') : created('/a')", &unknown), Truth::No);
    }

    #[test]
    fn facts_are_written_as_calls_and_executed_also_as_a_word() {
        let condition = Condition::parse("executed && connected('192.0.2.1', 443) && uid_gained(0)").unwrap();
        let facts: Vec<String> = condition.facts().iter().map(ToString::to_string).collect();
        assert_eq!(facts, ["executed()", "connected('192.0.2.1', 443)", "uid_gained(0)"]);
    }

    #[test]
    fn what_is_no_condition_over_facts_is_refused_with_its_place_and_a_suggestion() {
        let refused = |text: &str| Condition::parse(text).unwrap_err();
        let error = refused("executed && creatd('/a')");
        assert_eq!(&"executed && creatd('/a')"[error.span.clone()], "creatd('/a')");
        assert!(error.help.contains("created"), "{error:?}");
        assert!(refused("created(path)").what.contains("written out"));
        assert!(refused("created()").what.contains("created"));
        assert!(refused("created('relative')").what.contains("relative"));
        assert!(refused("connected('192.0.2.1', 'x')").what.contains("connected"));
        assert!(refused("connected('evil.example', 443)").what.contains("is no address"));
        for address in
            ["192.0.2.1", "192.0.2.1:443", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:443", "/run/x"]
        {
            assert!(Condition::parse(&format!("connected('{address}')")).is_ok(), "{address}");
        }
        assert!(refused("foo && executed").what.contains("foo"));
        assert!(refused("1 + 1").what.contains("true or false"));
        assert!(!refused("executed &&").what.is_empty());
        assert!(!refused("").what.is_empty());
    }

    #[derive(Clone, Debug)]
    enum Tree {
        Fact(usize),
        Not(Box<Tree>),
        And(Box<Tree>, Box<Tree>),
        Or(Box<Tree>, Box<Tree>),
    }

    impl Tree {
        fn text(&self) -> String {
            match self {
                Tree::Fact(n) => format!("ran('/{n}')"),
                Tree::Not(a) => format!("!({})", a.text()),
                Tree::And(a, b) => format!("({} && {})", a.text(), b.text()),
                Tree::Or(a, b) => format!("({} || {})", a.text(), b.text()),
            }
        }

        fn value(&self, values: &[bool]) -> bool {
            match self {
                Tree::Fact(n) => values[*n],
                Tree::Not(a) => !a.value(values),
                Tree::And(a, b) => a.value(values) && b.value(values),
                Tree::Or(a, b) => a.value(values) || b.value(values),
            }
        }
    }

    fn tree() -> impl Strategy<Value = Tree> {
        (0usize..4).prop_map(Tree::Fact).prop_recursive(4, 16, 2, |inner| {
            prop_oneof![
                inner.clone().prop_map(|a| Tree::Not(Box::new(a))),
                (inner.clone(), inner.clone()).prop_map(|(a, b)| Tree::And(Box::new(a), Box::new(b))),
                (inner.clone(), inner).prop_map(|(a, b)| Tree::Or(Box::new(a), Box::new(b))),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn an_answer_is_that_of_every_completion_and_no_answer_means_that_they_differ(
            tree in tree(),
            truths in prop::collection::vec(
                prop_oneof![Just(Truth::Yes), Just(Truth::No), Just(Truth::Unknown)], 4)
        ) {
            let condition = Condition::parse(&tree.text()).unwrap();
            let answer = condition.evaluate(&mut |fact| {
                let n: usize = fact.args[0].trim_start_matches('/').parse().unwrap();
                truths[n]
            });
            let possible = |at: usize, value: bool| truths[at] == Truth::Unknown || truths[at] == Truth::from(value);
            let completions: Vec<bool> = (0u32..16)
                .map(|case| (0..4).map(|at| case >> at & 1 == 1).collect::<Vec<bool>>())
                .filter(|values| (0..4).all(|at| possible(at, values[at])))
                .map(|values| tree.value(&values))
                .collect();
            let expected = match (completions.contains(&true), completions.contains(&false)) {
                (true, false) => Truth::Yes,
                (false, true) => Truth::No,
                _ => Truth::Unknown,
            };
            prop_assert_eq!(answer, expected);
        }
    }
}
