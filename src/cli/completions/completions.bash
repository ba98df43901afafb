# Completions of agent-event-bus for bash.

# Sets what may follow the command words in $place.
_agent_event_bus_place() {
  next=() flags=() valued=() slots=() rest=''
  case $place in
    # @places@
  esac
}

# True if the first argument is one of the others.
_agent_event_bus_has() {
  local word=$1 one
  shift
  for one; do
    [[ $one == "$word" ]] && return 0
  done
  return 1
}

# Splits the line up to the cursor into whole words, the last one under the cursor. Readline splits at = : and @ too.
_agent_event_bus_split() {
  local line=${COMP_LINE:0:COMP_POINT} word i
  line=${line#*"${COMP_WORDS[0]}"}
  words=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if [[ $line == [[:blank:]]* || ${#words[@]} -eq 0 ]]; then
      words+=("$word")
    else
      words[${#words[@]} - 1]+=$word
    fi
    line=${line#*"$word"}
  done
  piece=${line#"${line%%[![:blank:]]*}"}
  if [[ $line == [[:blank:]]* || ${#words[@]} -eq 0 ]]; then
    words+=("$piece")
  else
    words[${#words[@]} - 1]+=$piece
  fi
}

# Reads the words before the cursor.
_agent_event_bus_read() {
  local word
  _agent_event_bus_place
  for word in "${before[@]}"; do
    if [[ -n $flag ]]; then
      flag=''
    elif [[ -z $dashes && $word == -- ]]; then
      dashes=1
    elif [[ -z $dashes && $word == -?* ]]; then
      _agent_event_bus_has "$word" "${valued[@]%% *}" && flag=$word
    elif [[ -z $place && -z $helping && $word == help ]]; then
      helping=1
    elif ((n == 0)) && _agent_event_bus_has "$word" "${next[@]}"; then
      place="${place:+$place }$word"
      _agent_event_bus_place
    elif [[ -z $place ]]; then
      return 1
    else
      n=$((n + 1))
    fi
  done
  return 0
}

# Adds those of the arguments that begin with what is typed. Readline replaces the last piece of a word only.
_agent_event_bus_add() {
  local one kept=${typed%"$piece"}
  for one; do
    [[ -n $one && $one == "$typed"* ]] && COMPREPLY+=("${one#"$kept"}")
  done
}

# Offers the words of $1.
_agent_event_bus_offer() {
  local one name
  for one in $1; do
    case $one in
      '<file>')
        compopt -o default 2>/dev/null && continue
        while IFS= read -r name; do
          _agent_event_bus_add "$name"
        done <<<"$(compgen -f -- "$typed")"
        ;;
      '<session>')
        while IFS= read -r name; do
          _agent_event_bus_add "$name"
        done <<<"$(command agent-event-bus completions bash --names 2>/dev/null </dev/null)"
        ;;
      *) _agent_event_bus_add "$one" ;;
    esac
  done
}

# Offers the values of the flag $1.
_agent_event_bus_values() {
  local one
  for one in "${valued[@]}"; do
    if [[ ${one%% *} == "$1" && $one == *' '* ]]; then
      _agent_event_bus_offer "${one#* }"
    fi
  done
}

_agent_event_bus() {
  local IFS=$' \t\n' place='' flag='' dashes='' helping='' n=0 rest piece typed
  local -a words before next flags valued slots
  COMPREPLY=()
  _agent_event_bus_split
  before=("${words[@]:0:${#words[@]} - 1}")
  typed=${words[${#words[@]} - 1]}
  case $piece in [=:@]*) [[ $piece == *[!=:@]* ]] || piece='' ;; esac
  _agent_event_bus_read || return 0
  if [[ -n $flag ]]; then
    _agent_event_bus_values "$flag"
  elif [[ -z $dashes && $typed == --*=* ]]; then
    flag=${typed%%=*} typed=${typed#*=}
    _agent_event_bus_values "$flag"
  elif [[ -z $dashes && $typed == -* ]]; then
    _agent_event_bus_add "${flags[@]}"
  else
    ((n == 0)) && _agent_event_bus_add "${next[@]}"
    [[ -n $helping ]] && return 0
    if ((n < ${#slots[@]})); then
      _agent_event_bus_offer "${slots[n]}"
    elif [[ -z $rest && -z $dashes && ${#next[@]} -eq 0 ]]; then
      _agent_event_bus_add "${flags[@]}"
    fi
  fi
  return 0
}

complete -F _agent_event_bus agent-event-bus
