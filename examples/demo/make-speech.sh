#!/usr/bin/env bash
# Makes speech-25s.wav: 16 kHz, mono, PCM16, 25 s, sentences with pauses between them. Needs espeak-ng and sox.
# The faint noise makes every 20 ms chunk different, so that lost and doubled ones can be told exactly.
set -euo pipefail
cd "$(dirname "$0")"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

sentences=(
  "Good morning. I am calling about the train to the coast."
  "When does the next one leave, and from which platform?"
  "I have two large suitcases and a bicycle with me."
  "Is there a place where I can leave them for an hour?"
  "Thank you. That is all I wanted to know."
)
parts=()
for i in "${!sentences[@]}"; do
  espeak-ng -v en-us -s 150 -w "$scratch/raw$i.wav" "${sentences[$i]}"
  sox "$scratch/raw$i.wav" -r 16000 -b 16 -c 1 "$scratch/part$i.wav" pad 0.4 1.3
  parts+=("$scratch/part$i.wav")
done
sox "${parts[@]}" "$scratch/joined.wav" trim 0 25 pad 0 25 trim 0 25
sox -R -n -r 16000 -b 16 -c 1 "$scratch/noise.wav" synth 25 whitenoise vol 0.0006
sox -m -v 1 "$scratch/joined.wav" -v 1 "$scratch/noise.wav" -b 16 speech-25s.wav norm -3
