//! One of several parts of a run, each on a machine of its own.

use super::Planned;
use std::str::FromStr;

/// `PART/N`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partition {
    part: usize,
    parts: usize,
}

impl FromStr for Partition {
    type Err = String;

    fn from_str(text: &str) -> Result<Partition, String> {
        let number =
            |text: &str| text.parse::<usize>().ok().filter(|_| text.bytes().all(|c| c.is_ascii_digit()));
        match text.split_once('/').map(|(part, parts)| (number(part), number(parts))) {
            Some((Some(part), Some(parts @ 1..=1000))) if (1..=parts).contains(&part) => {
                Ok(Partition { part, parts })
            }
            _ => Err("write PART/N, from 1/N to N/N, N at most 1000".into()),
        }
    }
}

impl Partition {
    /// Leaves what belongs to this part. A validation (of several variants, each) is never divided, since its questions share
    /// arms. They are dealt out in the order of their names: the same set gives the same parts, in whatever order it is named.
    pub fn retain(self, planned: &mut Vec<Planned>) {
        let mut names: Vec<String> = planned.iter().map(|one| one.plan.name()).collect();
        names.sort_unstable();
        planned.retain(|one| {
            let place = names.binary_search(&one.plan.name()).unwrap_or_default();
            self.takes(place)
        });
    }

    fn takes(self, place: usize) -> bool {
        place % self.parts == self.part - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_are_disjoint_even_and_together_everything() {
        for parts in 1..=7 {
            for count in 0..40 {
                let taken: Vec<Vec<usize>> = (1..=parts)
                    .map(|part| (0..count).filter(|place| Partition { part, parts }.takes(*place)).collect())
                    .collect();
                let mut all: Vec<usize> = taken.iter().flatten().copied().collect();
                all.sort_unstable();
                assert_eq!(all, (0..count).collect::<Vec<_>>());
                let sizes = || taken.iter().map(Vec::len);
                assert!(sizes().max().unwrap() - sizes().min().unwrap() <= 1);
            }
        }
    }

    #[test]
    fn what_is_no_part_is_refused() {
        assert_eq!("2/4".parse(), Ok(Partition { part: 2, parts: 4 }));
        for wrong in ["0/4", "5/4", "1/0", "1", "1/", "/4", "a/b", "+1/4", "1/4/4", "-1/4", "1/1001"] {
            assert!(wrong.parse::<Partition>().is_err(), "{wrong}");
        }
    }
}
