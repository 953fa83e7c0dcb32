"""One sweep: an Airflow is made and marked, everything runs, and all that is left is searched."""

from __future__ import annotations

from pathlib import Path

from . import arrivals, commands, pages, runs
from .home import Home, home
from .hostile import FAILURES, TELLS_LATER
from .markers import Marks
from .places import INSIDE, Place, file_places, page_places, process_places, table_places
from .processes import Watched
from .tally import Tally, tally


def sweep(folder: Path, database: Path) -> Tally:
    """Run and search everything.

    :param folder: of its own; must not exist, and may be deleted afterwards.
    :param database: a migrated SQLite database, to be copied.
    """
    runs.check_that_all_examples_run()
    marks = Marks()
    with Watched(f"PARTNERO_TEST_FOLDER={folder}") as watched:
        with home(folder, database, marks) as here:
            told = _run(here)
        found = [*told, *file_places(here), *table_places(here), *process_places(watched)]
    return tally(found, marks.markers())


def _run(here: Home) -> list[Place]:
    here.cluster.start("dag-processor", "triggerer")
    runs.run_tested(here)
    runs.start(here)
    _fail_inside(here)
    answers = arrivals.arrive(here)
    runs.wait_for_writers(here)
    commands.command(here)
    answers += arrivals.apart(here)
    runs.wait_for_all(here)
    visited = list(pages.visit(here))
    return list(page_places(visited, answers))


def _fail_inside(here: Home) -> None:
    folder = here.folder / INSIDE
    folder.mkdir()
    conn_ids = [*(f"hostile_{name}" for name in (*FAILURES, TELLS_LATER)), "partnero_default"]
    said = here.forks.run("tests.leak_sweep.inside", "*sys.argv[1:]", INSIDE, str(folder), *conn_ids)
    assert said.code == "None", said.err
