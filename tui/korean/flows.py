"""Texts of the flows, their schedules and the launch form."""

from __future__ import annotations

TEXTS: dict[str, str] = {
    # Flows and schedules
    "loads, checks, splits the data": "데이터를 읽고 검사하고 나눕니다",
    "trains a model on that data": "그 데이터로 모델을 학습합니다",
    "measures the trained model": "학습한 모델을 평가합니다",
    "through the gate into service": "관문을 거쳐 서비스에 올립니다",
    "all four in order": "네 가지를 차례로 합니다",
    "never ran": "실행한 적 없음",
    "Schedules": "일정",
    "none; engine schedule add FLOW --cron ...": "없음. engine schedule add FLOW --cron ...",
    "every {time}": "{time}마다",
    "paused": "멈춤",
    "never again": "더 없음",
    "flow": "플로우",
    "when": "언제",
    "missed times": "놓친 시각",
    "settings": "설정",
    "tags": "태그",
    "last run": "지난 실행",
    "trouble": "문제",
    "the defaults": "기본값",
    "Next launches": "다음 시작",
    "{name} is paused": "{name} 일정을 멈췄습니다",
    "{name} launches again": "{name} 일정을 다시 시작합니다",
    "no schedule is selected": "선택한 일정이 없습니다",
    # The form
    "data type": "데이터 유형",
    "a run is launched again on its own kind of data": "다시 실행은 원래의 데이터 유형으로만 합니다",
    "model type": "모델 종류",
    "epochs": "에포크",
    "data file": "데이터 파일",
    "seed": "시드",
    "threads": "스레드",
    "force, why": "강제 배포 이유",
    "priority": "우선순위",
    "general": "일반",
    "default": "기본값",
    "default {value}": "기본값 {value}",
    "last run {value}": "지난 실행 {value}",
    "allowed: {allowed}": "허용: {allowed}",
    "at most {count} tags": "태그는 최대 {count}개",
    "there is no such file": "그런 파일이 없습니다",
    "there is no file {path}": "파일이 없습니다: {path}",
    "settings of no section": "구역이 없는 설정",
    "{count} changed": "바꾼 것 {count}",
    "{count} unlike the last run": "지난 실행과 다른 것 {count}",
    "{flow}: {name} again": "{flow}: {name} 다시 실행",
    "asking for the settings ...": "설정을 가져오는 중 ...",
    "put the files right (screen Data, E), then ctrl+g asks again": (
        "파일을 바로잡은 뒤 (데이터 화면, E) ctrl+g로 새로 고칩니다"
    ),
    "enter or ctrl+l launches · d shows what would run · backspace empties the form": (
        "enter 또는 ctrl+l 시작 · d 모의 실행 · backspace 모두 기본값으로"
    ),
    "enter folds and unfolds · backspace gives all of it its defaults": (
        "enter 접기/펴기 · backspace 이 구역을 기본값으로"
    ),
    "enter keeps it · esc takes it back · tab completes a path": (
        "enter 확정 · esc 되돌리기 · tab 경로 완성"
    ),
    "enter goes into the form": "enter로 양식에 들어갑니다",
    "P pauses or resumes · enter shows the next launches": "P 멈춤/재개 · enter 다음 시작 보기",
    "enter edits · h l choose · / finds a setting · tab other pane": (
        "enter 고치기 · h l 고르기 · / 설정 찾기 · tab 다른 칸"
    ),
    "a part of the name of a setting": "설정 이름의 일부",
    "the settings are not known yet": "아직 설정을 알지 못합니다",
    "nothing can be pasted here": "여기에는 붙여 넣을 수 없습니다",
    "no run of this flow is known": "이 플로우의 실행이 없습니다",
    "{count} values of {name}; u takes them back": "{name}의 값 {count}개. u로 되돌립니다",
    "a section": "구역",
    "the form": "양식",
    # Differences
    "Differs from the defaults": "기본값과 다른 것",
    "Differs from the last run": "지난 실행과 다른 것",
    "Differs from the run": "그 실행과 다른 것",
    "no run yet": "아직 실행 없음",
    "in nothing": "없음",
    "and {count} more": "외 {count}개",
    "Notes": "참고",
    # Check, dry run and launch
    "Command": "명령",
    "checking ...": "검사 중 ...",
    "checked": "검사함",
    "{count} to put right first": "먼저 바로잡을 것 {count}개",
    "launching ...": "시작하는 중 ...",
    "launching; the engine is starting": "시작하는 중, 엔진을 켜고 있습니다",
    "the engine is starting": "엔진을 켜고 있습니다",
    "the engine does not answer; U starts it": "엔진이 응답하지 않습니다. U로 켭니다",
    "begins when the {name} is ready": "{name}이(가) 준비되면 시작합니다",
    "would wait: {running} of at most {most} run, {queued} wait": (
        "기다리게 됩니다: 최대 {most}개 중 {running}개 실행, {queued}개 대기"
    ),
    "begins at once": "바로 시작합니다",
    "begins at once, usually takes {time}": "바로 시작, 보통 {time} 걸립니다",
    "{flow} {name} was launched already": "{flow} {name}은(는) 이미 시작했습니다",
    "asking what would run ...": "무엇을 실행할지 알아보는 중 ...",
    "It would be refused:": "거부됩니다:",
    "It could not begin: {why}": "시작할 수 없습니다: {why}",
    "Nothing was launched.": "아무것도 시작하지 않았습니다.",
    "reads": "읽을 것",
    "data set": "데이터 세트",
    "candidate of run": "후보를 남긴 실행",
    "evaluation of run": "평가를 남긴 실행",
    "model": "모델",
    "held against the champion": "챔피언과 비교",
    "value": "값",
    "setting": "설정",
}
