"""Which YAML is TorchServe's, and what is said of YAML that is not valid."""

import textwrap

import pytest

from pytest_cpuperf.static.file_check import check_source
from pytest_cpuperf.static.rules import all_rules

RULES = [r for r in all_rules() if r.code == "CPU402"]

OTHER_TOOLS = {
    "a Helm template": """
        spec:
          batchSize: {{ .Values.batchSize }}
          {{- if .Values.timeout }}
          responseTimeout: {{ .Values.timeout | quote }}
          {{- end }}
        """,
    "CloudFormation's tags": """
        Resources:
          Queue:
            BatchSize: !GetAtt Source.Arn
        batchSize: !Sub "${Size}"
        """,
    "several documents": """
        data:
          batchSize: "8"
        ---
        data:
          responseTimeout: "30"
        """,
    "Python objects": """
        batchSize: 3
        emoji: !!python/name:material.extensions.emoji.twemoji
        """,
    "no YAML at all": """
        batchSize: [
        """,
}


def check(text):
    return check_source(textwrap.dedent(text).encode(), "model-config.yaml", RULES, thorough=True)


@pytest.mark.parametrize("tool", OTHER_TOOLS)
def test_other_tools_yaml_is_left_alone(tool):
    result = check(OTHER_TOOLS[tool])
    assert not result.errors
    assert not result.findings


def test_a_model_configuration_with_tags_of_another_tool_is_read():
    result = check("batchSize: !Ref Size\nmaxBatchDelay: 50\n")
    assert [f.line for f in result.findings] == [1]


def test_the_document_that_is_torchserves_is_read():
    result = check("name: something\n---\nbatchSize: 8\nmaxBatchDelay: 50\n")
    assert [f.line for f in result.findings] == [3]


def test_a_model_configuration_that_is_no_yaml_is_an_error():
    result = check("minWorkers: 1\nmaxWorkers: [\nbatchSize: 3\n")
    assert "not valid YAML" in result.errors[0].message
