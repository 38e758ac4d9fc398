//! Paired samples: two things measured in turn, so that a machine whose speed drifts is no advantage to either.

/// Milliseconds of two things, run by run.
pub struct Pairs {
    /// The first.
    pub a: Vec<f64>,
    /// The second.
    pub b: Vec<f64>,
}

impl Pairs {
    /// Measures both `runs` times in turn, after one turn that isn't counted.
    pub fn measure(
        runs: usize,
        mut a: impl FnMut() -> super::Result<f64>,
        mut b: impl FnMut() -> super::Result<f64>,
    ) -> super::Result<Self> {
        a()?;
        b()?;
        let mut pairs = Pairs { a: Vec::new(), b: Vec::new() };
        for _ in 0..runs {
            pairs.a.push(a()?);
            pairs.b.push(b()?);
        }
        Ok(pairs)
    }

    /// Prints one row of the table; the ratio is the median of the ratios run by run.
    pub fn print(&self, what: &str, peer: &str) {
        let ratios: Vec<f64> = self.a.iter().zip(&self.b).map(|(a, b)| a / b).collect();
        println!(
            "| {what} | {:.1} ms | {peer} | {:.1} ms | {:.2} | {} |",
            median(&self.a),
            median(&self.b),
            median(&ratios),
            ratios.len()
        );
    }
}

/// The middle of `values`.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 }
}
