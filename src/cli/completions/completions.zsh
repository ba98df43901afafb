#compdef agent-event-bus
# Completions of agent-event-bus for zsh.

# Sets what may follow the command words in $place.
_agent_event_bus_place() {
  next=() flags=() valued=() slots=() rest=''
  case $place in
    # @places@
  esac
}

# True if the first argument is one of the others.
_agent_event_bus_has() {
  local one
  for one in "${(@)argv[2,-1]}"; do
    [[ $one == "$1" ]] && return 0
  done
  return 1
}

# Reads the words before the cursor.
_agent_event_bus_read() {
  local word
  _agent_event_bus_place
  for word in "${(@)words[2,CURRENT-1]}"; do
    word=${(Q)word}
    if [[ -n $flag ]]; then
      flag=''
    elif [[ -z $dashes && $word == -- ]]; then
      dashes=1
    elif [[ -z $dashes && $word == -?* ]]; then
      _agent_event_bus_has "$word" "${(@)valued%% *}" && flag=$word
    elif [[ -z $place && -z $helping && $word == help ]]; then
      helping=1
    elif (( n == 0 )) && _agent_event_bus_has "$word" "${(@)next%%:*}"; then
      place="${place:+$place }$word"
      _agent_event_bus_place
    elif [[ -z $place ]]; then
      return 1
    else
      (( n++ ))
    fi
  done
  return 0
}

# Offers the words of $1.
_agent_event_bus_offer() {
  local one
  local -a plain names
  for one in ${(s: :)1}; do
    case $one in
      '<file>') _files ;;
      '<session>')
        names=("${(@f)$(command agent-event-bus completions zsh --names 2>/dev/null </dev/null)}")
        names=("${(@)names:#}")
        (( $#names )) && compadd -a names
        ;;
      *) plain+=("$one") ;;
    esac
  done
  (( $#plain )) && compadd -a plain
}

# Offers the values of the flag $1.
_agent_event_bus_values() {
  local one
  for one in "${(@)valued}"; do
    [[ ${one%% *} == "$1" && $one == *' '* ]] && _agent_event_bus_offer "${one#* }"
  done
}

_agent_event_bus() {
  local place='' flag='' dashes='' helping='' rest='' typed=${words[CURRENT]}
  local -i n=0
  local -a next flags valued slots
  _agent_event_bus_read || return 1
  if [[ -n $flag ]]; then
    _agent_event_bus_values "$flag"
  elif [[ -z $dashes && $typed == --*=* ]]; then
    flag=${typed%%=*}
    compset -P '*='
    _agent_event_bus_values "$flag"
  elif [[ -z $dashes && $typed == -* ]]; then
    _describe -o flag flags
  else
    (( n == 0 && $#next )) && _describe command next
    [[ -n $helping ]] && return
    if (( n < $#slots )); then
      _agent_event_bus_offer "${slots[n+1]}"
    elif [[ -z $rest && -z $dashes ]] && (( ! $#next )); then
      _describe -o flag flags
    fi
  fi
}

if [[ ${funcstack[1]} == _agent_event_bus ]]; then
  _agent_event_bus "$@"
elif (( $+functions[compdef] )); then
  compdef _agent_event_bus agent-event-bus
else
  print -u2 'agent-event-bus: run compinit before this script.'
fi
