"""What each screen is for."""

from __future__ import annotations

TEXTS: dict[str, str] = {
    "How everything is doing: engine, queue, what runs now, what failed, the model in "
    "service, and the last runs of each flow.": "전체 상태: 엔진, 대기열, 지금 실행 중인 것, "
    "실패한 것, 서비스 중인 모델, 플로우별 최근 실행.",
    "All runs, newest first; the preview follows the cursor. Filter with / : state:failed "
    "dur>60 model:LSTM !tag:x, a word finds names letter by letter.": "모든 실행, 최근 것부터. "
    "미리보기는 커서를 따라갑니다. / 로 필터: state:failed dur>60 model:LSTM !tag:x, 단어는 글자 "
    "순서로 이름을 찾습니다.",
    "One run: its steps over time, log, parameters, metrics, what it made, and its error.": "실행 "
    "하나: 시간에 따른 단계, 로그, 매개변수, 지표, 결과물, 오류.",
    "The lines of all runs as they come, or the whole log of one run.": "모든 실행의 로그를 "
    "실시간으로, 또는 한 실행의 로그 전체.",
    "Start a flow: every setting with its default and its meaning; what is typed is "
    "checked as it is typed.": "플로우 시작: 모든 설정과 기본값, 뜻. 입력하는 대로 검사합니다.",
    "Deployed versions and how good they are, of which members and by which features; "
    "mark two to six and compare; promote, roll back. Backtests hold types against each "
    "other.": "배포된 버전과 그 성능, 구성 모델과 특성. 2~6개를 표시해 비교하고, 서비스에 올리거나 "
    "되돌립니다. 백테스트는 모델 종류를 서로 비교합니다.",
    "A forecast by the model in service: of a series of the newest data, or of values "
    "that are typed or pasted; which past days move it, and when the stock runs out. With a model "
    "of images: which class a picture belongs to, and where that is seen.": "서비스 중인 모델의 "
    "예측: 최신 데이터의 시계열, 또는 입력하거나 붙여 넣은 값. 어떤 날이 예측을 움직이는지, 재고가 "
    "언제 떨어지는지. 이미지 모델이 있으면 이미지가 어느 클래스인지, 어디를 보는지.",
    "The newest data set with what its rules found, drift, odd days, and the effective "
    "configuration with where each value comes from.": "최신 데이터 세트와 규칙이 찾은 것, "
    "드리프트, 이상한 날, 실제 적용되는 설정과 각 값의 출처.",
    "Processor, memory, disk, ports and the processes that the engine keeps; doctor.": "CPU, "
    "메모리, 디스크, 포트, 엔진이 관리하는 프로세스, 점검.",
}
