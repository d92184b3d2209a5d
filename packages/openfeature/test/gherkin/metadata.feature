Feature: Metadata of flags

  Background:
    Given a provider is registered

  Scenario: What the definition says
    Given a boolean-flag with key "metadata-flag" and a default value "false"
    When the flag was evaluated with details
    Then the resolved metadata should contain
      | key     | metadata_type | value |
      | string  | string        | 1.0.2 |
      | integer | integer       | 2     |
      | float   | float         | 0.1   |
      | boolean | boolean       | true  |

  Scenario Outline: Nothing where it says nothing
    Given a <kind>-flag with key "<key>" and a default value "<default>"
    When the flag was evaluated with details
    Then the resolved metadata is empty

    Examples:
      | kind    | key          | default |
      | boolean | boolean-flag | false   |
      | integer | integer-flag | 3       |
      | float   | float-flag   | 0.25    |
      | string  | string-flag  | hello   |
      | object  | object-flag  | {}      |
