import pytest

from manuscribe.errors import ModelError
from manuscribe.readers.vlm.manner import MANNER, Manner, manner_of, write_manner


def test_the_adapters_manner_counts_before_the_checkpoints(tmp_path):
    base, adapter, other = (tmp_path / name for name in ("base", "adapter", "other"))
    for folder in (base, adapter, other):
        folder.mkdir()
    write_manner(base, Manner(size="256"))
    write_manner(adapter, Manner(prompt="<image>\nLies. ", size="tiny"))
    write_manner(other, Manner())
    assert manner_of(base, adapter) == Manner(prompt="<image>\nLies. ", size="tiny")
    assert manner_of(base, other) == Manner(size="256")
    assert manner_of(other) == Manner()
    assert not (other / MANNER).exists()


@pytest.mark.parametrize("text", ["", "[]", '{"prompt": 3}', '{"more": 1}', '{"size": ""}', "{" * 5000])
def test_damaged_files_are_refused(tmp_path, text):
    (tmp_path / MANNER).write_text(text)
    with pytest.raises(ModelError, match="cannot be read"):
        manner_of(tmp_path)
