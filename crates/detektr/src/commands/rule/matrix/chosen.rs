//! What is detonated: variants of patterns, and tests of Atomic Red Team.

use crate::commands::{atomic, pattern};
use crate::failure::Failure;
use detektr_validate::Surroundings;
use detektr_validate::atomic::{Atomics, Options, Refused, Test, is_name};
use detektr_validate::matrix::{self, Exercise};
use detektr_validate::pattern::{Library, Pattern, Variant};
use std::collections::BTreeSet;
use std::path::Path;

/// Variants, each with its pattern.
type Variants<'l> = Vec<(&'l Pattern, &'l Variant)>;

/// Tests, with the checkout that they are of.
pub(super) struct Tests {
    source: Option<Atomics>,
    tests: Vec<Test>,
}

impl Tests {
    /// What they are as exercises; what can't be run here says why.
    pub(super) fn exercises(self, surroundings: &Surroundings) -> Result<Vec<Exercise>, Failure> {
        let Some(source) = &self.source else { return Ok(Vec::new()) };
        let prepared = self.tests.into_iter().map(|test| {
            match test.prepare(source, &Options::default(), &surroundings.rootfs) {
                Ok(prepared) => Ok((test, Ok(prepared))),
                Err(Refused::Test(refusal, why)) => Ok((test, Err((refusal, why)))),
                Err(Refused::Choice(what, help)) => {
                    Err(Failure::usage("detektr::rule::atomic", format!("{}: {what}", test.id())).help(help))
                }
            }
        });
        Ok(matrix::atomics(prepared.collect::<Result<Vec<_>, _>>()?, surroundings))
    }
}

/// All that there is, or what `only` names.
pub(super) fn chosen<'l>(
    library: &'l Library,
    atomics: Option<&Path>,
    only: &[String],
) -> Result<(Variants<'l>, Tests), Failure> {
    let source = atomics.map(atomic::open).transpose()?;
    if only.is_empty() {
        let all = library.patterns();
        let all = all.flat_map(|pattern| pattern.variants.iter().map(move |variant| (pattern, variant)));
        let tests = source.as_ref().map(atomic::every).transpose()?.unwrap_or_default();
        return Ok((all.collect(), Tests { source, tests }));
    }
    let (tests, patterns): (Vec<String>, Vec<String>) = only.iter().cloned().partition(|name| is_name(name));
    let tests = match (&source, tests.first()) {
        (Some(source), _) => atomic::named(source, &tests)?,
        (None, None) => Vec::new(),
        (None, Some(name)) => {
            let what = format!("`{name}` is the name of a test of Atomic Red Team, and there is no checkout");
            return Err(Failure::usage("detektr::rule::atomic", what)
                .help("name one: --atomics DIR; `detektr pattern list` names the patterns"));
        }
    };
    let variants = variants(library, &patterns)?;
    if variants.is_empty() && tests.is_empty() {
        return Err(Failure::usage("detektr::rule::atomic", "no test that is named lists Linux")
            .help("`detektr atomic list` tells which do: --atomics DIR"));
    }
    Ok((variants, Tests { source, tests }))
}

/// The variants that `names` mean, each once.
fn variants<'l>(library: &'l Library, names: &[String]) -> Result<Variants<'l>, Failure> {
    let mut chosen = Vec::new();
    let mut seen = BTreeSet::new();
    for id in names {
        let named = library.named(id).map_err(pattern::unknown)?;
        let new = named.variants().filter(|variant| seen.insert((named.pattern.id.as_str(), &variant.name)));
        chosen.extend(new.map(|variant| (named.pattern, variant)));
    }
    Ok(chosen)
}
