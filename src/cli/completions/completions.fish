# Completions of agent-event-bus for fish.

# Sets what may follow the command words in $place.
function __agent_event_bus_place --no-scope-shadowing
    set next
    set flags
    set valued
    set slots
    set rest ''
    switch "$place"
        # @places@
    end
end

# Prints what may be typed at the cursor, with '<file>' for files and '<session>' for the names of sessions.
function __agent_event_bus_offers
    set -l place ''
    set -l next
    set -l flags
    set -l valued
    set -l slots
    set -l rest
    set -l flag ''
    set -l dashes ''
    set -l helping ''
    set -l n 1
    set -l before (commandline -opc)
    set -e before[1]
    __agent_event_bus_place
    for word in $before
        if test -n "$flag"
            set flag ''
        else if test -z "$dashes"; and test "$word" = --
            set dashes 1
        else if test -z "$dashes"; and string match -qr '^-.' -- "$word"
            contains -- "$word" (string split -f 1 ' ' -- $valued); and set flag $word
        else if test -z "$place$helping"; and test "$word" = help
            set helping 1
        else if test $n = 1; and contains -- "$word" (string split -f 1 \t -- $next)
            set place (string trim -- "$place $word")
            __agent_event_bus_place
        else if test -z "$place"
            return
        else
            set n (math $n + 1)
        end
    end
    set -l typed (commandline -ct)
    if test -n "$flag"
        __agent_event_bus_values $flag '' $valued
    else if test -z "$dashes"; and string match -qr '^--[^=]*=' -- "$typed"
        set flag (string split -m 1 = -- "$typed")[1]
        __agent_event_bus_values $flag $flag= $valued
    else if test -z "$dashes"; and string match -q -- '-*' "$typed"
        printf '%s\n' $flags
    else
        test $n = 1; and set -q next[1]; and printf '%s\n' $next
        if test -n "$helping"
            return
        else if set -q slots[$n]
            string split -n ' ' -- $slots[$n]
        else if test -z "$rest$dashes"; and not set -q next[1]
            printf '%s\n' $flags
        end
    end
end

# Prints the values of the flag $argv[1], each behind $argv[2]. The further arguments are the flags that take values.
function __agent_event_bus_values
    for one in $argv[3..-1]
        set -l parts (string split ' ' -- $one)
        if test "$parts[1]" = $argv[1]; and set -q parts[2]
            for part in $parts[2..-1]
                switch $part
                    case '<*'
                        echo $part
                    case '*'
                        echo $argv[2]$part
                end
            end
        end
    end
end

function __agent_event_bus_complete
    set -l typed (commandline -ct)
    set -l before (string match -r '^--[^=]*=' -- "$typed")
    for one in (__agent_event_bus_offers)
        switch $one
            case '<file>'
            case '<session>'
                printf '%s\n' "$before"(command agent-event-bus completions fish --names 2>/dev/null </dev/null)
            case '*'
                printf '%s\n' $one
        end
    end
end

function __agent_event_bus_files
    contains -- '<file>' (__agent_event_bus_offers)
end

complete -c agent-event-bus -e
complete -c agent-event-bus -f -a '(__agent_event_bus_complete)'
complete -c agent-event-bus -n __agent_event_bus_files -F
