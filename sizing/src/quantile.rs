//! The quantile of a count with a Poisson distribution, or a negative binomial one if the log shows more dispersion.

/// The smallest `n` with `P(N <= n) >= share`, for a count `N` of this mean; at most `most`.
///
/// `dispersion` is the variance over the mean: at 1 the count is Poisson, above that negative binomial. Terms are
/// computed as logarithms, because the first ones may be too small for a float.
///
/// ```
/// use agent_pool_sizing::quantile;
/// assert_eq!(quantile(1.5, 1.0, 0.99, 100), 5);
/// assert!(quantile(1.5, 3.0, 0.99, 100) > 5);
/// assert_eq!(quantile(0.0, 1.0, 0.99, 100), 0);
/// ```
#[must_use]
pub fn quantile(mean: f64, dispersion: f64, share: f64, most: u32) -> u32 {
    if mean <= 0.0 {
        return 0;
    }
    let count = Count::new(mean, dispersion);
    let mut term = count.first;
    let mut sum = 0.0;
    for n in 0..most {
        sum += term.exp();
        if sum >= share {
            return n;
        }
        term += count.step(f64::from(n));
    }
    most
}

/// A distribution by its first term and the step from one term to the next, both as logarithms.
struct Count {
    first: f64,
    mean: f64,
    spread: Option<Spread>,
}

struct Spread {
    size: f64,
    log_factor: f64,
}

/// Below this a count is practically Poisson, and the other formula loses precision.
const POISSON_BELOW: f64 = 1.001;

impl Count {
    fn new(mean: f64, dispersion: f64) -> Self {
        if dispersion < POISSON_BELOW {
            return Self {
                first: -mean,
                mean,
                spread: None,
            };
        }
        let size = mean / (dispersion - 1.0);
        Self {
            first: -size * dispersion.ln(),
            mean,
            spread: Some(Spread {
                size,
                log_factor: ((dispersion - 1.0) / dispersion).ln(),
            }),
        }
    }

    /// From the term of `n` to the term of `n + 1`.
    fn step(&self, n: f64) -> f64 {
        match &self.spread {
            None => (self.mean / (n + 1.0)).ln(),
            Some(spread) => ((spread.size + n) / (n + 1.0)).ln() + spread.log_factor,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the tables of the Poisson distribution.
    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (mean, share, expected) in [
            (1.0, 0.5, 1),
            (1.0, 0.99, 4),
            (10.0, 0.95, 15),
            (10.0, 0.99, 18),
        ] {
            assert_eq!(
                quantile(mean, 1.0, share, 1_000),
                expected,
                "{mean} {share}"
            );
        }
        // The normal approximation: 5000 and 2.326 times the root of it.
        let far = quantile(5_000.0, 1.0, 0.99, 100_000);
        assert!((5_160..5_170).contains(&far), "{far}");
    }
}
