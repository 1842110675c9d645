"""The drill in small: kept while somebody writes, wiped, brought back, looked up."""

import pytest

from tests.faults.drill import Drill, own_folder, problems


@pytest.mark.faults
@pytest.mark.timeout(600)
def test_a_site_that_was_wiped_comes_back_as_it_was_kept() -> None:
    with own_folder() as folder:
        report = Drill(folder, size_mb=4).run()
    assert problems(report) == []
    assert report.writes > 0
