Feature: What callers add at every level reaches our flags, the nearest level last

  Background:
    Given a stable provider with retrievable context is registered

  Scenario Outline: One level alone
    Given A context entry with key "color" and value "green" is added to the "<level>" level
    When Some flag was evaluated
    Then The merged context contains an entry with key "color" and value "green"

    Examples:
      | level        |
      | API          |
      | Transaction  |
      | Client       |
      | Invocation   |
      | Before Hooks |

  Scenario: All levels together
    Given A context entry with key "a" and value "1" of type "integer" is added to the "API" level
    And A context entry with key "b" and value "true" of type "boolean" is added to the "Transaction" level
    And A context entry with key "c" and value "three" of type "string" is added to the "Client" level
    And A context entry with key "d" and value "4" of type "integer" is added to the "Invocation" level
    And A context entry with key "e" and value "five" of type "string" is added to the "Before Hooks" level
    When Some flag was evaluated
    Then The merged context contains an entry with key "a" and value "1" of type "integer"
    And The merged context contains an entry with key "b" and value "true" of type "boolean"
    And The merged context contains an entry with key "c" and value "three" of type "string"
    And The merged context contains an entry with key "d" and value "4" of type "integer"
    And The merged context contains an entry with key "e" and value "five" of type "string"

  Scenario Outline: A nearer level wins
    Given A table with levels of increasing precedence
      | API          |
      | Transaction  |
      | Client       |
      | Invocation   |
      | Before Hooks |
    And Context entries for each level from API level down to the "<level>" level, with key "color" and value "<level>"
    When Some flag was evaluated
    Then The merged context contains an entry with key "color" and value "<level>"

    Examples:
      | level        |
      | API          |
      | Transaction  |
      | Client       |
      | Invocation   |
      | Before Hooks |

  Scenario: No key of the caller's is needed
    When Some flag was evaluated
    Then the evaluation context should allow missing "targetingKey" field
