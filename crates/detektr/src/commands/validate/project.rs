//! The project file: looked for in the working directory and above it. What an argument says goes before it.

use super::Args;
use crate::exit;
use crate::failure::{Failure, shown};
use detektr_validate::project::{DEFAULT, FILE, Project};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Fills in what `args` leaves open.
pub fn apply(args: &mut Args) -> Result<(), Failure> {
    let here = std::env::current_dir().ok();
    let file = here.as_deref().and_then(find);
    let project = match &file {
        Some(file) => Project::read(file).map_err(|e| Failure::foreign(exit::USAGE, e.into()))?,
        None => Project::default(),
    };
    let name = args.profile.as_deref().unwrap_or(DEFAULT);
    let settings = project.settings(name).map_err(|help| {
        let place = file.map_or_else(|| format!("there is no {FILE} here or above"), |file| shown(&file));
        Failure::usage("detektr::project::profile", format!("no profile `{name}`: {place}")).help(help)
    })?;
    let fill = |own: &mut Option<PathBuf>, other: Option<PathBuf>| *own = own.take().or(other);
    fill(&mut args.baseline, settings.baseline);
    fill(&mut args.atomics, settings.atomics);
    fill(&mut args.place.env, settings.env);
    fill(&mut args.junit, settings.junit);
    fill(&mut args.markdown, settings.markdown);
    fill(&mut args.sarif, settings.sarif);
    fill(&mut args.gitlab, settings.gitlab);
    fill(&mut args.out, settings.out);
    if args.library.patterns.is_empty() {
        args.library.patterns = settings.patterns;
    }
    args.arms.jobs = args.arms.jobs.or(settings.jobs);
    args.repeat = args.repeat.or(settings.repeat);
    args.retries = args.retries.or(settings.retries);
    args.fail_on = args.fail_on.take().or(settings.fail_on);
    args.require_benign |= settings.require_benign.unwrap_or_default();
    Ok(())
}

/// The nearest project file, in `folder` or above it. In a folder like /tmp, where everybody may put one, none is looked for:
/// it names files that are written.
fn find(folder: &Path) -> Option<PathBuf> {
    let shared = |folder: &Path| {
        fs::metadata(folder).is_ok_and(|folder| folder.permissions().mode() & 0o1002 == 0o1002)
    };
    let places = folder.ancestors().filter(|folder| !shared(folder));
    places.map(|folder| folder.join(FILE)).find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_file_is_found_and_none_that_anybody_may_have_put_there() {
        let place = tempfile::tempdir().unwrap();
        let below = place.path().join("a/b");
        fs::create_dir_all(&below).unwrap();
        assert_eq!(find(&below), None);
        fs::write(place.path().join(FILE), "detektr: 1\n").unwrap();
        assert_eq!(find(&below), Some(place.path().join(FILE)));
        fs::set_permissions(place.path(), fs::Permissions::from_mode(0o1777)).unwrap();
        assert_eq!(find(&below), None);
        assert_eq!(find(place.path()), None);
        fs::write(below.join(FILE), "detektr: 1\n").unwrap();
        assert_eq!(find(&below), Some(below.join(FILE)));
    }
}
